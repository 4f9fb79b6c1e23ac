-- depends_on: {{ ref('store_period_closes') }}
select
    invoice.invoice_id,
    move.invoice_version,
    move.transition_no,
    period.tenant_id,
    period.period_id,
    move.from_status,
    move.to_status,
    move.actor,
    move.reason,
    move.moved_at
from {{ source('store', 'invoice_transitions') }} as move
inner join {{ source('store', 'invoices') }} as invoice using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_named_periods') }} as period on move.period_no = period.period_no
