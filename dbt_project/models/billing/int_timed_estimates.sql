{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_timed_charges)") }}

-- What is billed as estimated, by hour, where charges ask when use was: as rated now; to reconcile as it was closed,
-- without the hours that a rejected reading fills (see int_reconciled_usage).
with asked as (
    select distinct tenant_no, period_no, invoice_version, metric_no, kind from {{ ref('int_timed_charges') }}
)

select
    asked.tenant_no, asked.period_no, asked.invoice_version, asked.metric_no, estimate.bucket_start_at,
    estimate.quantity
from asked
inner join {{ ref('int_estimates') }} as estimate using (tenant_no, period_no, invoice_version, metric_no)
where asked.kind <> 'reconcile'

union all

select
    asked.tenant_no, asked.period_no, asked.invoice_version, asked.metric_no, estimate.bucket_start_at,
    estimate.quantity
from asked
inner join {{ source('store', 'closed_estimates') }} as estimate
    using (tenant_no, period_no, invoice_version, metric_no)
where
    asked.kind = 'reconcile'
    and (
        not exists (
            select 1 from {{ ref('int_rejected_events') }} as late
            where
                late.tenant_no = estimate.tenant_no
                and late.period_no = estimate.period_no
                and late.device_no = estimate.device_no
                and late.metric_no = estimate.metric_no
                and {{ hour_of('late.event_at') }} = estimate.bucket_start_at
        )
        or {{ is_taken_back('estimate') }}
    )
