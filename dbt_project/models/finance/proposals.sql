-- depends_on: {{ ref('store_proposals') }}
-- What a person decided holds; before that the newest proposal about the newest invoice version is open.
select
    proposal.proposal_id,
    proposal.kind,
    period.tenant_id,
    period.period_id,
    invoice.invoice_id,
    proposal.invoice_version,
    proposal.currency_code,
    {{ round_money('proposal.amount', 'proposal.currency_code') }} as amount,
    proposal.event_count,
    proposal.use,
    case
        when decision.decision is not null then decision.decision
        when proposal.kind = 'late_use' and (
            proposal.invoice_version < newest.invoice_version or exists (
                select 1 from {{ source('store', 'proposals') }} as later
                where
                    later.tenant_no = proposal.tenant_no
                    and later.period_no = proposal.period_no
                    and later.kind = proposal.kind
                    and later.close_id > proposal.close_id
            )
        ) then 'superseded'
        else 'open'
    end as status,
    decision.decided_by,
    decision.decided_at,
    proposal.proposed_at,
    proposal.input_hash,
    {{ round_money('proposal.line_amount', 'proposal.currency_code') }} as line_amount,
    proposal.proposed_by,
    proposal.reason,
    decision.reason as decision_reason,
    adjusted.invoice_version as adjusted_invoice_version
from {{ source('store', 'proposals') }} as proposal
inner join {{ source('store', 'invoices') }} as invoice using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_named_periods') }} as period on proposal.period_no = period.period_no
cross join lateral (
    select max(closed.invoice_version) as invoice_version
    from {{ source('store', 'period_closes') }} as closed
    where closed.tenant_no = proposal.tenant_no and closed.period_no = proposal.period_no
) as newest
left join {{ ref('int_standing_decisions') }} as decision on proposal.proposal_id = decision.proposal_id
left join lateral (
    select min(closed.invoice_version) as invoice_version
    from {{ source('store', 'period_closes') }} as closed
    where
        closed.tenant_no = proposal.tenant_no
        and closed.period_no = proposal.period_no
        and closed.recorded_at > decision.decided_at
        and decision.decision = 'approved'
        and proposal.line_amount <> 0
) as adjusted on true
