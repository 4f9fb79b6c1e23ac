-- depends_on: {{ ref('store_period_closes') }}
-- Amounts with as many decimals as the currency has.
with versions as (
    select
        invoice.*,
        lead(invoice.invoice_version) over per_period as next_version,
        lag(invoice.total_amount) over per_period as previous_total_amount,
        lag(invoice.currency_code) over per_period as previous_currency_code
    from {{ source('store', 'invoices') }} as invoice
    window per_period as (partition by invoice.tenant_no, invoice.period_no order by invoice.invoice_version)
)

select
    invoice.invoice_id,
    invoice.invoice_version,
    period.tenant_id,
    period.period_id,
    closed.period_start_at,
    closed.period_end_at,
    invoice.currency_code,
    {{ round_money('invoice.subtotal_amount', 'invoice.currency_code') }} as subtotal_amount,
    {{ round_money('invoice.tax_amount', 'invoice.currency_code') }} as tax_amount,
    {{ round_money('invoice.prepaid_amount', 'invoice.currency_code') }} as prepaid_amount,
    {{ round_money('invoice.total_amount', 'invoice.currency_code') }} as total_amount,
    invoice.is_tax_included,
    case when invoice.next_version is null then 'issued' else 'amended' end as status,
    case
        when invoice.currency_code = invoice.previous_currency_code
            then {{ round_money('invoice.total_amount - invoice.previous_total_amount', 'invoice.currency_code') }}
    end as difference_amount
from versions as invoice
inner join {{ source('store', 'period_closes') }} as closed using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_named_periods') }} as period on invoice.period_no = period.period_no
