-- depends_on: {{ ref('store_period_closes') }}
-- Amounts with as many decimals as the currency has.
select
    invoice.invoice_id,
    invoice.invoice_version,
    period.tenant_id,
    period.period_id,
    invoice.period_start_at,
    invoice.period_end_at,
    invoice.currency_code,
    {{ round_money('invoice.subtotal_amount', 'invoice.currency_code') }} as subtotal_amount,
    {{ round_money('invoice.tax_amount', 'invoice.currency_code') }} as tax_amount,
    {{ round_money('invoice.prepaid_amount', 'invoice.currency_code') }} as prepaid_amount,
    {{ round_money('invoice.total_amount', 'invoice.currency_code') }} as total_amount,
    invoice.is_tax_included,
    invoice.status,
    {{ round_money('invoice.total_amount - invoice.corrected_amount', 'invoice.currency_code') }} as difference_amount,
    invoice.invoicing_entity as legal_entity,
    invoice.invoice_number
from {{ ref('int_invoice_states') }} as invoice
inner join {{ ref('int_named_periods') }} as period on invoice.period_no = period.period_no
