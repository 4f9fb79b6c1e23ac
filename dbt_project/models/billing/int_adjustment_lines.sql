{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from store.proposal_decisions)") }}

-- Approved proposals of a period as lines of its next versions, before tax (RULES 27): those that were decided before
-- the version was rated, so that a version is made again as it was. What was too late is rated anew by a
-- reconciliation, and is not counted a second time there.
select
    period.tenant_no,
    period.period_no,
    period.invoice_version,
    'adjustment' as line_type,
    null::text as metric,
    null::text as charge_basis,
    null::text as charge,
    null::text as part,
    null::text as rate_card_id,
    null::integer as rate_card_version,
    null::text as price_model,
    null::integer as tier_number,
    1::numeric(30, 10) as quantity,
    proposal.line_amount::numeric(20, 10) as unit_price,
    0::numeric(30, 10) as estimated_quantity,
    proposal.line_amount as amount,
    'adjustment ' || proposal.proposal_id || ': '
    || case proposal.kind
        when 'late_use' then 'use that came too late, ' || proposal.event_count::text || ' events'
        else proposal.reason
    end
    || ', approved by ' || decision.decided_by as description,
    '' as quality_flags
from {{ ref('int_periods_to_rate') }} as period
inner join {{ source('store', 'proposals') }} as proposal
    on period.tenant_no = proposal.tenant_no
    and period.terms_period_no = proposal.period_no
    and period.currency_code = proposal.currency_code
inner join {{ ref('int_standing_decisions') }} as decision
    on proposal.proposal_id = decision.proposal_id
    and decision.decided_at < period.recorded_at
where
    decision.decision = 'approved'
    and proposal.line_amount <> 0
    and (period.kind <> 'reconcile' or proposal.kind <> 'late_use')
