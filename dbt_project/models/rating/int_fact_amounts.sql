{{ config(materialized='scratch', tags=['facts']) }}

-- What each step comes to, by the macros that price a card's tiers in a close.
with entered as (
    select
        step.*, tier.unit_price, tier.flat_fee, tier.package_size,
        case
            when step.price_model = 'per_unit' then step.quantity
            else {{ tier_quantity(
                'step.price_model', 'step.quantity', 'tier.lower_bound', 'tier.up_to', basis='step.tier_basis'
            ) }}
        end as tier_quantity,
        {{ is_tier_fee_due(
            'step.price_model', 'step.tier_basis', 'tier.lower_bound', 'tier.up_to', 'step.zero_quantity'
        ) }} as is_fee_due
    from {{ ref('int_fact_steps') }} as step
    inner join {{ ref('int_fact_tiers') }} as tier using (fact_no, step_no)
),

summed as (
    select
        fact_no, step_no, price,
        sum(
            {{ priced_units('price_model', 'tier_quantity', 'package_size') }} * unit_price
            + case when is_fee_due then flat_fee else 0 end
        ) as amount
    from entered
    group by fact_no, step_no, price
)

select
    fact_no, step_no,
    least(
        case when price ->> 'negative' = 'clamp_zero' then greatest(amount, 0) else amount end,
        (price ->> 'cap_amount')::numeric
    ) as amount
from summed
