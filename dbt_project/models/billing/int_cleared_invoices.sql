{{ config(materialized='scratch', tags=['publish']) }}

-- Only what the gates cleared, as they saw it, and only while nobody asked for another close or proof meanwhile: such a
-- request works on the same relations, so nothing of this one is published and it is run again.
select invoice.*
from {{ ref('int_new_invoices') }} as invoice
inner join {{ source('ledger', 'cleared_invoices') }} as cleared
    on invoice.close_id = cleared.close_id
    and invoice.tenant_no = cleared.tenant_no
    and invoice.period_no = cleared.period_no
    and invoice.invoice_version = cleared.invoice_version
    and invoice.input_hash = cleared.input_hash
    and invoice.total_amount = cleared.total_amount
where
    invoice.close_id = (
        select max(close_id) from {{ source('ledger', 'close_requests') }} where finished_at is null
    )
