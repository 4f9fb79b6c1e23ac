{{ config(meta={'dagster': {'ref': {'name': 'invoice_taxes'}}}) }}

-- The taxes of every invoice version give its tax.
select
    invoice.invoice_id,
    invoice.invoice_version,
    invoice.tax_amount,
    coalesce(sum(tax.tax_amount), 0) as sum_of_taxes_amount
from {{ ref('invoices') }} as invoice
left join {{ ref('invoice_taxes') }} as tax using (invoice_id, invoice_version)
group by invoice.invoice_id, invoice.invoice_version, invoice.tax_amount
having invoice.tax_amount <> coalesce(sum(tax.tax_amount), 0)
