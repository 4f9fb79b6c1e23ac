-- Closed periods with rejected late use that nobody has decided about: some of it came, or a newer version of the
-- invoice, since the last reconciliation, or its proposal waits. A proposal of 0.00 waits for nobody.
with late as (
    select rejected.tenant_no, rejected.period_no, max(loads.applied_at) as known_at
    from {{ ref('int_rejected_events') }} as rejected
    inner join {{ source('ledger', 'loads') }} as loads on rejected.known_by_load_id = loads.load_id
    group by rejected.tenant_no, rejected.period_no
),

-- One that was stopped is brought to an end by the request after it.
reconciled as (
    select asked.close_id, asked.requested_at
    from {{ source('ledger', 'close_requests') }} as asked
    where
        asked.kind = 'reconcile'
        and asked.finished_at is not null
        and not exists (
            select 1 from {{ source('ledger', 'close_requests') }} as later
            where later.close_id > asked.close_id and later.requested_at < asked.finished_at
        )
),

newest as (
    select tenant_no, period_no, max(close_id) as close_id, max(invoice_version) as invoice_version
    from {{ source('store', 'period_closes') }}
    group by tenant_no, period_no
),

judged as (
    select
        late.tenant_no,
        late.period_no,
        newest.invoice_version,
        coalesce(bool_or(reconciled.requested_at > late.known_at), false) as is_reconciled
    from late
    inner join newest on late.tenant_no = newest.tenant_no and late.period_no = newest.period_no
    left join reconciled on newest.close_id < reconciled.close_id
    group by late.tenant_no, late.period_no, newest.invoice_version
)

select
    judged.tenant_no,
    judged.period_no,
    case when judged.is_reconciled then 'decision' else 'reconciliation' end as waits_for
from judged
where
    not judged.is_reconciled
    or exists (
        select 1
        from {{ source('store', 'proposals') }} as proposal
        where
            proposal.tenant_no = judged.tenant_no
            and proposal.period_no = judged.period_no
            and proposal.kind = 'late_use'
            and proposal.invoice_version = judged.invoice_version
            and (proposal.line_amount is null or proposal.line_amount <> 0 or proposal.amount <> 0)
            and not exists (
                select 1 from {{ ref('int_standing_decisions') }} as decision
                where decision.proposal_id = proposal.proposal_id
            )
            and not exists (
                select 1 from {{ source('store', 'proposals') }} as later
                where
                    later.tenant_no = proposal.tenant_no
                    and later.period_no = proposal.period_no
                    and later.kind = proposal.kind
                    and later.close_id > proposal.close_id
            )
    )
