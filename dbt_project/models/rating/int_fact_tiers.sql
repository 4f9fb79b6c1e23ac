{{ config(materialized='scratch', tags=['facts']) }}

-- Tiers of the steps' prices, as a card's: a block tier is bounded by its width, a single price is one tier.
with tiers as (
    select
        step.fact_no, step.step_no, tier.ordinality::integer as tier_number,
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
        step.fact_no, step.step_no, block.ordinality::integer,
        sum((block.value ->> 'block_size')::numeric * (block.value ->> 'max_blocks')::numeric) over widths
        * case when block.value ->> 'max_blocks' is not null then 1 end,
        (block.value ->> 'block_price')::numeric, 0, (block.value ->> 'block_size')::numeric
    from {{ ref('int_fact_steps') }} as step
    cross join lateral jsonb_array_elements(step.price -> 'blocks') with ordinality as block (value, ordinality)
    window widths as (partition by step.fact_no, step.step_no order by block.ordinality)

    union all

    select
        fact_no, step_no, 1, null,
        coalesce((price ->> 'unit_price')::numeric, (price ->> 'package_price')::numeric), 0,
        (price ->> 'package_size')::numeric
    from {{ ref('int_fact_steps') }}
    where price_name in ('per_unit', 'package')
)

select *, coalesce(lag(up_to) over (partition by fact_no, step_no order by tier_number), 0) as lower_bound
from tiers
