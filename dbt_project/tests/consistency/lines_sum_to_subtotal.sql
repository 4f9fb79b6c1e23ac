-- What finance reads adds up: the lines of every version give its subtotal.
select
    invoice.invoice_id,
    invoice.invoice_version,
    invoice.subtotal_amount,
    coalesce(sum(line.amount), 0) as sum_of_lines_amount
from {{ ref('invoices') }} as invoice
left join {{ ref('invoice_lines') }} as line using (invoice_id, invoice_version)
group by invoice.invoice_id, invoice.invoice_version, invoice.subtotal_amount
having invoice.subtotal_amount <> coalesce(sum(line.amount), 0)
