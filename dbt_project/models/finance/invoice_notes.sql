-- An amendment to another currency has no difference of totals, and one that leaves the total as it was has no note.
select
    invoice_id || '-' || invoice_version::text as note_id,
    case when difference_amount < 0 then 'credit_note' else 'debit_note' end as note_type,
    invoice_id,
    invoice_version - 1 as corrected_invoice_version,
    invoice_version,
    tenant_id,
    period_id,
    currency_code,
    abs(difference_amount) as amount
from {{ ref('invoices') }}
where difference_amount <> 0
