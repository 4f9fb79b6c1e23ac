{{ config(
    materialized='store',
    into='proposals',
    tags=['close'],
    post_hook=["{{ finish_close_request('reconcile') }}"]
) }}

-- What rejected late use would change about a closed invoice: the same rating with it, against what was invoiced and
-- what was approved for late use before. The same state gives the same proposal, which is there already.
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
),

compared as (
    select
        rated.*,
        request.close_id as asked_by,
        {{ lines_amount('rated') }} - {{ lines_amount('invoiced') }}
        + coalesce(settled.counted_line_amount - settled.line_amount, 0) as line_amount,
        -- What prepaid credits would pay of it is settled when it is invoiced.
        rated.total_amount + rated.prepaid_amount - invoiced.total_amount - invoiced.prepaid_amount
        + coalesce(settled.counted_amount - settled.amount, 0) as amount,
        late.event_count - coalesce(settled.event_count, 0) as event_count,
        coalesce(uses.use, '{}') as all_use,
        settled.use as settled_use
    from {{ ref('int_rated_invoices') }} as rated
    inner join {{ source('store', 'invoices') }} as invoiced using (tenant_no, period_no, invoice_version)
    inner join late using (tenant_no, period_no)
    cross join {{ ref('int_close_request') }} as request
    left join uses using (tenant_no, period_no)
    left join {{ ref('int_settled_late_use') }} as settled using (tenant_no, period_no, invoice_version)
    where rated.kind = 'reconcile'
)

select
    'PRP-' || left({{ sha256_hex(
        "invoice_id || ':' || invoice_version::text || ':' || input_hash || ':' || line_amount::text"
    ) }}, 16) as proposal_id,
    'late_use' as kind,
    tenant_no,
    period_no,
    invoice_version,
    asked_by as close_id,
    currency_code,
    amount,
    event_count,
    {{ less_use('all_use', 'settled_use') }} as use,
    input_hash,
    line_amount
from compared
-- What was approved for the same late use says it all.
where settled_use is null or line_amount <> 0 or amount <> 0
