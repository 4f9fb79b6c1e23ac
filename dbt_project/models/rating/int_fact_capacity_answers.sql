{{ config(materialized='scratch', tags=['facts']) }}

-- The price of the first tier whose every maximum covers the use of its unit.
with tiers as (
    select
        facts.fact_no, tier.ordinality as tier_number, (tier.value ->> 'price')::numeric as price,
        not exists (
            select from jsonb_each_text(facts.body -> 'quantities') as used (unit, quantity)
            where used.quantity::numeric > (tier.value -> 'max' ->> used.unit)::numeric
        ) as covers_all
    from {{ ref('stg_rating__facts') }} as facts
    cross join lateral jsonb_array_elements(facts.params -> 'tiers') with ordinality as tier (value, ordinality)
    where facts.model = 'capacity'
)

select distinct on (fact_no) fact_no, '' as part, 0 as position, price as amount
from tiers
where covers_all
order by fact_no, tier_number
