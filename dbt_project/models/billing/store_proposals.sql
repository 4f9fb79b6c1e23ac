{{ config(
    materialized='store',
    into='proposals',
    tags=['close'],
    post_hook=["{{ finish_close_request('reconcile') }}"]
) }}

-- What rejected late use would change about a closed invoice: the same rating with it, against what was invoiced. The
-- same state gives the same proposal, which is there already.
with late as (
    select tenant_no, period_no, count(*) as event_count
    from {{ ref('int_rejected_events') }}
    group by tenant_no, period_no
),

reconciled as (
    select tenant_no, period_no, invoice_version, metric_no, sum(quantity) as quantity
    from {{ ref('int_reconciled_usage') }}
    group by tenant_no, period_no, invoice_version, metric_no
),

billed as (
    select tenant_no, period_no, invoice_version, metric_no, sum(quantity) as quantity
    from {{ source('store', 'closed_usage') }}
    where (tenant_no, period_no) in (select reconciled.tenant_no, reconciled.period_no from reconciled)
    group by tenant_no, period_no, invoice_version, metric_no
),

added as (
    select tenant_no, period_no, metric_no, reconciled.quantity - coalesce(billed.quantity, 0) as quantity
    from reconciled
    left join billed using (tenant_no, period_no, invoice_version, metric_no)
),

uses as (
    select
        added.tenant_no,
        added.period_no,
        jsonb_object_agg(metric.metric, trim_scale(added.quantity)) filter (where added.quantity <> 0) as use
    from added
    inner join {{ source('registry', 'metrics') }} as metric on added.metric_no = metric.metric_no
    group by added.tenant_no, added.period_no
)

select
    'PRP-' || left({{ sha256_hex(
        "rated.invoice_id || ':' || rated.invoice_version::text || ':' || rated.input_hash"
    ) }}, 16) as proposal_id,
    'late_use' as kind,
    rated.tenant_no,
    rated.period_no,
    rated.invoice_version,
    request.close_id,
    rated.currency_code,
    -- What prepaid credits would pay of it is settled when it is invoiced.
    rated.total_amount + rated.prepaid_amount - invoiced.total_amount - invoiced.prepaid_amount as amount,
    late.event_count,
    coalesce(uses.use, '{}') as use,
    rated.input_hash
from {{ ref('int_rated_invoices') }} as rated
inner join {{ source('store', 'invoices') }} as invoiced using (tenant_no, period_no, invoice_version)
inner join late using (tenant_no, period_no)
cross join {{ ref('int_close_request') }} as request
left join uses using (tenant_no, period_no)
where rated.kind = 'reconcile'
