-- depends_on: {{ ref('store_period_closes') }}
select
    invoice.invoice_id,
    tax.invoice_version,
    tax.tax,
    tax.jurisdiction,
    tax.percent,
    {{ round_money('tax.taxable_amount', 'invoice.currency_code') }} as taxable_amount,
    {{ round_money('tax.tax_amount', 'invoice.currency_code') }} as tax_amount,
    invoice.currency_code
from {{ source('store', 'invoice_taxes') }} as tax
inner join {{ source('store', 'invoices') }} as invoice using (tenant_no, period_no, invoice_version)
