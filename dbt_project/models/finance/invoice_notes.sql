-- depends_on: {{ ref('store_period_closes') }}
-- A note is made when the version that it comes with is issued. An amendment to another currency is an invoice of its
-- own, and one that leaves the total as it was has no note.
select
    state.invoice_id || '-' || state.invoice_version::text as note_id,
    state.note_type,
    state.invoice_id,
    state.corrected_version as corrected_invoice_version,
    state.invoice_version,
    period.tenant_id,
    period.period_id,
    state.currency_code,
    {{ round_money('abs(state.total_amount - state.corrected_amount)', 'state.currency_code') }} as amount,
    state.note_number,
    state.invoice_number
from {{ ref('int_invoice_states') }} as state
inner join {{ ref('int_named_periods') }} as period on state.period_no = period.period_no
where state.note_number is not null
