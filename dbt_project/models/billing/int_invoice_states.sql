-- Where every invoice version is in its life, what it corrects, and under which number it went out. It corrects the
-- last version before it that was issued, unless that was made void. One that restates an invoice keeps its number.
-- Its close is joined first, where the planner knows by their foreign key that each invoice has one.
with states as not materialized (
    select
        invoice.*,
        closed.period_start_at,
        closed.period_end_at,
        moves.statuses[1] as status,
        'issued' = any(moves.statuses) as was_issued
    from {{ source('store', 'invoices') }} as invoice
    inner join {{ source('store', 'period_closes') }} as closed using (tenant_no, period_no, invoice_version)
    cross join lateral (
        select array_agg(move.to_status order by move.transition_no desc) as statuses
        from {{ source('store', 'invoice_transitions') }} as move
        where {{ same_version('move', 'invoice') }}
    ) as moves
)

select
    state.*,
    corrected.invoice_version as corrected_version,
    corrected.total_amount as corrected_amount,
    coalesce(numbered.legal_entity, state.legal_entity) as invoicing_entity,
    {{ document_number('numbered') }} as invoice_number,
    note.document_kind as note_type,
    {{ document_number('note') }} as note_number
from states as state
left join lateral (
    select earlier.invoice_version, earlier.total_amount, earlier.currency_code, earlier.status
    from states as earlier
    where
        earlier.tenant_no = state.tenant_no
        and earlier.period_no = state.period_no
        and earlier.invoice_version < state.invoice_version
        and earlier.was_issued
    order by earlier.invoice_version desc
    limit 1
) as corrected on corrected.status <> 'void' and corrected.currency_code = state.currency_code
left join lateral (
    select made.legal_entity, made.document_kind, made.document_no
    from {{ source('store', 'invoice_documents') }} as made
    where
        made.tenant_no = state.tenant_no
        and made.period_no = state.period_no
        and made.invoice_version <= state.invoice_version
        and made.document_kind = 'invoice'
    order by made.invoice_version desc
    limit 1
) as numbered on state.was_issued
left join {{ source('store', 'invoice_documents') }} as note
    on {{ same_version('note', 'state') }} and note.document_kind <> 'invoice'
