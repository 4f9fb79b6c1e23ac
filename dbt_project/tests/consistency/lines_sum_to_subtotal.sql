{{ config(meta={'dagster': {'ref': {'name': 'invoice_lines'}}}) }}

-- What finance reads adds up: the lines of every version give its subtotal, with the tax where they contain it.
select
    invoice.invoice_id,
    invoice.invoice_version,
    invoice.subtotal_amount,
    coalesce(sum(line.amount), 0) as sum_of_lines_amount
from {{ ref('invoices') }} as invoice
left join {{ ref('invoice_lines') }} as line using (invoice_id, invoice_version)
group by
    invoice.invoice_id, invoice.invoice_version, invoice.subtotal_amount, invoice.tax_amount, invoice.is_tax_included
having
    invoice.subtotal_amount + case when invoice.is_tax_included then invoice.tax_amount else 0 end
    <> coalesce(sum(line.amount), 0)
