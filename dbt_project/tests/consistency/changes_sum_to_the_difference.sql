{{ config(meta={'dagster': {'ref': {'name': 'invoice_changes'}}}) }}

-- What an invoice is explained by adds up to the difference from the invoice before, to the minor unit.
select change.tenant_no, change.period_no, change.invoice_version
from {{ source('store', 'invoice_changes') }} as change
inner join {{ source('store', 'invoices') }} as later using (tenant_no, period_no, invoice_version)
inner join {{ source('store', 'invoices') }} as before
    on change.tenant_no = before.tenant_no
    and change.previous_period_no = before.period_no
    and change.previous_invoice_version = before.invoice_version
group by
    change.tenant_no, change.period_no, change.invoice_version, change.previous_invoice_version,
    later.total_amount, before.total_amount
having sum(change.amount) <> later.total_amount - before.total_amount
