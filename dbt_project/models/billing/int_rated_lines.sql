{{ config(materialized='scratch', tags=['close']) }}

-- The lines of the card and, where they stay below the minimum spend, one for the shortfall; then what was approved
-- (RULES 27).
with charged as (
    select
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        period.minimum_spend_amount,
        period.proration_numerator,
        period.proration_denominator,
        {{ round_money(prorated('period.minimum_spend_amount', 'period'), 'period.currency_code') }} as minimum_amount,
        coalesce(sum(line.amount), 0) as charged_amount
    from {{ ref('int_periods_to_rate') }} as period
    left join {{ ref('int_charge_lines') }} as line using (tenant_no, period_no, invoice_version)
    group by
        period.tenant_no, period.period_no, period.invoice_version, period.minimum_spend_amount,
        period.proration_numerator, period.proration_denominator, period.currency_code
),

lines as (
    select {{ line_columns() | join(', ') }}
    from {{ ref('int_charge_lines') }}

    union all

    select
        tenant_no, period_no, invoice_version, 'minimum_spend', null, null, null, null, null, null, null, null,
        1::numeric(30, 10), null::numeric(20, 10), 0::numeric(30, 10),
        (minimum_amount - charged_amount)::numeric(20, 4),
        'minimum spend of ' || {{ price_words('minimum_spend_amount') }}
        || {{ proration_words('charged') }} || ': shortfall',
        ''
    from charged
    where charged_amount < minimum_amount

    union all

    select {{ line_columns() | join(', ') }}
    from {{ ref('int_adjustment_lines') }}
)

select
    lines.*,
    row_number() over (
        partition by tenant_no, period_no, invoice_version
        order by
            metric collate "C" nulls last, charge_basis collate "C" nulls last, charge collate "C" nulls last,
            part collate "C" nulls last, tier_number nulls last, line_type collate "C",
            description collate "C"
    )::integer as line_number
from lines
