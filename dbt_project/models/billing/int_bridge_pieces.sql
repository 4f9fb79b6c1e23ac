{{ config(materialized='scratch', tags=['explain'], pre_hook=joins_of_whole_sets()) }}

-- Pieces of the difference of two invoices, in whole minor units: what each swap moved each line by, with what is due
-- to tiers and to rounding apart, and the tax.
{%- set names = bridge_swaps() %}
with currencies as (
    select tenant_no, period_no, min(currency_code) as currency_code
    from {{ ref('int_periods_to_rate') }}
    where kind = 'explain'
    group by tenant_no, period_no
),

lines as (
    select
        line.tenant_no, line.period_no, line.variant_no, line.line_type, line.metric, line.charge_basis, line.charge,
        line.part, line.tier_number, line.moved_amount,
        {{ round_money('line.moved_exactly', 'currency.currency_code') }} as amount
    from {{ ref('int_bridge_lines') }} as line
    inner join currencies as currency using (tenant_no, period_no)
    where line.moved_amount <> 0 or line.moved_exactly <> 0
),

crossings as (
    select
        crossing.*, {{ round_money('crossing.exact_amount', 'currency.currency_code') }} as amount
    from {{ ref('int_bridge_crossings') }} as crossing
    inner join currencies as currency using (tenant_no, period_no)
),

pieces as (
    select
        tenant_no, period_no, variant_no,
        case when line_type in ('adjustment', 'rounding') then line_type else {{ swap_name('variant_no') }} end
            as component,
        line_type, metric, charge_basis, charge, part, tier_number, amount
    from lines
    union all
    select
        tenant_no, period_no, variant_no, {{ swap_name('variant_no') }}, 'tier_crossing', metric, charge_basis, charge,
        part, null, -amount
    from crossings
    union all
    select
        tenant_no, period_no, null, 'tier_crossing', 'tier_crossing', metric, charge_basis, charge, part, null, amount
    from crossings
    union all
    select
        tenant_no, period_no, null, 'rounding', line_type, metric, charge_basis, charge, part, tier_number,
        moved_amount - amount
    from lines
    union all
    -- Of a tax that the lines contain the lines tell; what credits paid is not owed.
    select
        pair.tenant_no, pair.period_no, null, part.component, null, null, null, null, null, null, part.amount
    from {{ ref('int_bridge_pairs') }} as pair
    inner join {{ ref('int_rated_invoices') }} as before
        on pair.tenant_no = before.tenant_no and pair.period_no = before.period_no and before.invoice_version = 0
    inner join {{ ref('int_rated_invoices') }} as later
        on pair.tenant_no = later.tenant_no
        and pair.period_no = later.period_no
        and later.invoice_version = {{ names | length }}
    cross join lateral (
        values
        ('tax', {{ tax_on_top('later') }} - {{ tax_on_top('before') }}),
        ('credits', before.prepaid_amount - later.prepaid_amount)
    ) as part (component, amount)
)

select pieces.*, currencies.currency_code
from pieces
inner join currencies using (tenant_no, period_no)
where pieces.amount <> 0
