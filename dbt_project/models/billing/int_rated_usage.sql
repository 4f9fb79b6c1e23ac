{{ config(materialized='scratch', tags=['close']) }}

-- What each device used of each metric in a period that is rated: to close from its days, to verify from its events,
-- with what is estimated for the hours in which it said nothing; to reconcile with the late use that was rejected. What
-- meters of a property's units count is that of whoever occupies them, and the rest their tenant's.
with measured as (
    select
        usage.tenant_no,
        usage.period_no,
        period.invoice_version,
        usage.device_no,
        usage.metric_no,
        ({{ aggregate_quantity('usage.quantity', 'metric.aggregation', 'usage.last_event_at') }})::numeric(30, 10)
            as quantity,
        sum(usage.event_count)::bigint as event_count,
        sum(usage.skew_candidate_count)::bigint as skew_candidate_count,
        min(usage.first_event_at) as first_event_at,
        max(usage.last_event_at) as last_event_at
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ source('store', 'usage_days') }} as usage
        on period.tenant_no = usage.tenant_no and period.period_no = usage.period_no
    left join {{ ref('stg_config__metrics') }} as metric
        on usage.metric_no = metric.metric_no and {{ in_force('metric', 'period.config_load_id') }}
    where {{ reads_current('period.kind') }} and usage.event_count > 0
    group by
        usage.tenant_no, usage.period_no, period.invoice_version, usage.device_no, usage.metric_no, metric.aggregation

    union all

    select
        tenant_no, period_no, invoice_version, device_no, metric_no, quantity, event_count, skew_candidate_count,
        first_event_at, last_event_at
    from {{ ref('int_verified_usage') }}
),

estimated as (
    select tenant_no, period_no, invoice_version, device_no, metric_no, sum(quantity)::numeric(30, 10) as quantity
    from {{ ref('int_estimates') }}
    group by tenant_no, period_no, invoice_version, device_no, metric_no
),

flagged as (
    select tenant_no, period_no, invoice_version, device_no, metric_no, array_agg(distinct flag) as flags
    from {{ ref('int_flagged_runs') }}
    group by tenant_no, period_no, invoice_version, device_no, metric_no
),

shared as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, sum(quantity)::numeric(30, 10) as quantity,
        sum(event_count)::bigint as event_count,
        sum(skew_candidate_count)::bigint as skew_candidate_count,
        min(first_event_at) as first_event_at, max(last_event_at) as last_event_at,
        sum(estimated_quantity)::numeric(30, 10) as estimated_quantity
    from {{ ref('int_unit_usage') }}
    where (tenant_no, period_no, invoice_version) not in (
        select tenant_no, period_no, invoice_version from {{ ref('int_periods_to_rate') }} where kind = 'reconcile'
    )
    group by tenant_no, period_no, invoice_version, device_no, metric_no
)

select
    tenant_no,
    period_no,
    invoice_version,
    device_no,
    metric_no,
    {{ with_estimates('measured', 'estimated') }}::numeric(30, 10) as quantity,
    coalesce(measured.event_count, 0) as event_count,
    coalesce(measured.skew_candidate_count, 0) as skew_candidate_count,
    measured.first_event_at,
    measured.last_event_at,
    coalesce(estimated.quantity, 0)::numeric(30, 10) as estimated_quantity,
    {{ quality_flags('flagged.flags', 'estimated.quantity') }} as quality_flags
from measured
full join estimated using (tenant_no, period_no, invoice_version, device_no, metric_no)
left join flagged using (tenant_no, period_no, invoice_version, device_no, metric_no)
left join shared using (tenant_no, period_no, invoice_version, device_no, metric_no)
where shared.quantity is null

union all

select
    tenant_no, period_no, invoice_version, device_no, metric_no, shared.quantity, shared.event_count,
    shared.skew_candidate_count, shared.first_event_at, shared.last_event_at, shared.estimated_quantity,
    {{ quality_flags('flagged.flags', 'shared.estimated_quantity') }} as quality_flags
from shared
left join flagged using (tenant_no, period_no, invoice_version, device_no, metric_no)

union all

select
    tenant_no, period_no, invoice_version, device_no, metric_no, quantity, event_count, skew_candidate_count,
    first_event_at, last_event_at, estimated_quantity, '' as quality_flags
from {{ ref('int_reconciled_usage') }}

union all

select
    tenant_no, period_no, invoice_version, device_no, metric_no, quantity, event_count, 0, null, null,
    estimated_quantity, quality_flags
from {{ ref('int_bridge_usage') }}
