{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from store.proposal_decisions)") }}

-- What was approved for the late use of a period that is reconciled: all of it, and what its newest version counts.
with settled as (
    select
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        proposal.event_count,
        proposal.line_amount,
        proposal.amount,
        proposal.use,
        decision.decided_at < period.recorded_at as is_counted
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ source('store', 'proposals') }} as proposal using (tenant_no, period_no)
    inner join {{ ref('int_standing_decisions') }} as decision on proposal.proposal_id = decision.proposal_id
    where period.kind = 'reconcile' and proposal.kind = 'late_use' and decision.decision = 'approved'
),

uses as (
    select settled.tenant_no, settled.period_no, used.metric, sum(used.quantity::numeric) as quantity
    from settled
    cross join lateral jsonb_each_text(settled.use) as used (metric, quantity)
    group by settled.tenant_no, settled.period_no, used.metric
)

select
    settled.tenant_no,
    settled.period_no,
    settled.invoice_version,
    sum(settled.event_count)::bigint as event_count,
    sum(settled.line_amount) as line_amount,
    sum(settled.amount) as amount,
    coalesce(sum(settled.line_amount) filter (where settled.is_counted), 0) as counted_line_amount,
    coalesce(sum(settled.amount) filter (where settled.is_counted), 0) as counted_amount,
    coalesce((
        select jsonb_object_agg(uses.metric, uses.quantity) from uses
        where uses.tenant_no = settled.tenant_no and uses.period_no = settled.period_no
    ), '{}') as use
from settled
group by settled.tenant_no, settled.period_no, settled.invoice_version
