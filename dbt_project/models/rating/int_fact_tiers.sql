{{ config(materialized='scratch', tags=['facts']) }}

-- Tiers of the steps' prices, as a card's: a block tier is bounded by its width, a single price is one tier.
with tiers as (
    select
        step.fact_no, step.step_no, step.price_model, tier.ordinality::integer as tier_number,
        (tier.value ->> 'up_to')::numeric as up_to,
        coalesce(
            (tier.value ->> 'unit_price')::numeric, (tier.value ->> 'rate_percent')::numeric * 0.01, 0
        ) as unit_price,
        coalesce((tier.value ->> 'flat_fee')::numeric, 0) as flat_fee,
        null::numeric as package_size
    from {{ ref('int_fact_steps') }} as step
    cross join lateral jsonb_array_elements(step.price -> 'tiers') with ordinality as tier (value, ordinality)

    union all

    select
        step.fact_no, step.step_no, step.price_model, block.ordinality::integer,
        sum((block.value ->> 'block_size')::numeric * (block.value ->> 'max_blocks')::numeric) over widths
        * case when block.value ->> 'max_blocks' is not null then 1 end,
        (block.value ->> 'block_price')::numeric, 0, (block.value ->> 'block_size')::numeric
    from {{ ref('int_fact_steps') }} as step
    cross join lateral jsonb_array_elements(step.price -> 'blocks') with ordinality as block (value, ordinality)
    window widths as (partition by step.fact_no, step.step_no order by block.ordinality)

    union all

    select
        fact_no, step_no, price_model, 1, null,
        coalesce((price ->> 'unit_price')::numeric, (price ->> 'package_price')::numeric), 0,
        (price ->> 'package_size')::numeric
    from {{ ref('int_fact_steps') }}
    where price_name in ('per_unit', 'package')
)

-- What no tier holds whole is priced by the last one where one tier prices all; elsewhere it is not billed.
select
    fact_no, step_no, tier_number, unit_price, flat_fee, package_size,
    case
        when price_model in ('volume', 'top_block') and lead(tier_number) over by_bound is null then null
        else up_to
    end as up_to,
    coalesce(lag(up_to) over by_bound, 0) as lower_bound
from tiers
window by_bound as (partition by fact_no, step_no order by tier_number)
