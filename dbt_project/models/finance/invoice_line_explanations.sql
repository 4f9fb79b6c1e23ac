-- depends_on: {{ ref('store_period_closes') }}
-- A line that no charge made, such as a minimum spend, is explained by its own words.
with lines as (
    select
        invoice.invoice_id, line.*, invoice.currency_code, behind.measured_quantity, behind.included_quantity,
        behind.quantity_before, behind.lower_bound, behind.up_to, behind.tier_quantity, behind.package_size,
        behind.proration_numerator, behind.proration_denominator,
        coalesce(behind.exact_amount, line.amount) as exact_amount,
        behind.line_number is not null as has_numbers
    from {{ source('store', 'invoice_lines') }} as line
    inner join {{ source('store', 'invoices') }} as invoice using (tenant_no, period_no, invoice_version)
    left join {{ source('store', 'line_explanations') }} as behind
        using (tenant_no, period_no, invoice_version, line_number)
)

select
    invoice_id,
    invoice_version,
    line_number,
    line_type,
    metric,
    charge_basis,
    charge,
    part,
    rate_card_id,
    rate_card_version,
    price_model,
    tier_number,
    measured_quantity,
    estimated_quantity,
    included_quantity,
    quantity_before,
    lower_bound,
    up_to,
    tier_quantity,
    package_size,
    quantity,
    unit_price,
    proration_numerator,
    proration_denominator,
    trim_scale(exact_amount) as exact_amount,
    {{ round_money('amount', 'currency_code') }} as amount,
    currency_code,
    case when has_numbers then {{ explanation_words('lines') }} else description end as explanation
from lines
