-- depends_on: {{ ref('store_period_closes') }}
select
    invoice.invoice_id,
    line.invoice_version,
    line.line_number,
    line.line_type,
    line.metric,
    line.charge_basis,
    line.charge,
    line.part,
    line.rate_card_id,
    line.rate_card_version,
    line.price_model,
    line.tier_number,
    line.quantity,
    line.unit_price,
    line.estimated_quantity,
    {{ line_quality('line') }} as quality,
    line.quality_flags,
    {{ round_money('line.amount', 'invoice.currency_code') }} as amount,
    line.description,
    invoice.currency_code
from {{ source('store', 'invoice_lines') }} as line
inner join {{ source('store', 'invoices') }} as invoice using (tenant_no, period_no, invoice_version)
