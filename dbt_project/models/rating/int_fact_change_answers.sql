{{ config(materialized='scratch', tags=['facts']) }}

-- Answers of facts whose changes of a level move through the tiers, each for its part of the period.
with facts as (
    select * from {{ ref('stg_rating__facts') }} where model = 'prorated_graduated'
),

-- Every change moves through the tiers by its full quantity.
changes as (
    select
        facts.fact_no, params, change.ordinality as change_no,
        (change.value ->> 'quantity')::numeric as quantity,
        (change.value ->> 'prorated_quantity')::numeric as prorated_quantity,
        sum((change.value ->> 'quantity')::numeric) over so_far as level_after
    from facts
    cross join lateral jsonb_array_elements(body -> 'series') with ordinality as change (value, ordinality)
    window so_far as (partition by facts.fact_no order by change.ordinality)
),

tiers as (
    select
        facts.fact_no, tier.ordinality as tier_number,
        coalesce(lag((tier.value ->> 'up_to')::numeric) over bounds, 0) as lower_bound,
        (tier.value ->> 'up_to')::numeric as up_to,
        coalesce((tier.value ->> 'unit_price')::numeric, 0) as unit_price,
        coalesce((tier.value ->> 'flat_fee')::numeric, 0) as flat_fee
    from facts
    cross join lateral jsonb_array_elements(params -> 'tiers') with ordinality as tier (value, ordinality)
    window bounds as (partition by facts.fact_no order by tier.ordinality)
),

moved as (
    select
        fact_no,
        ({{ tier_quantity("'graduated'", 'level_after', 'lower_bound', 'up_to') }}
            - {{ tier_quantity("'graduated'", '(level_after - quantity)', 'lower_bound', 'up_to') }})
        * (prorated_quantity * unit_price)::numeric(80, 30) / nullif(quantity, 0) as amount
    from changes
    inner join tiers using (fact_no)
),

levels as (
    select
        facts.fact_no, facts.params, coalesce(sum(changes.quantity), 0) as last_level,
        greatest(max(changes.level_after), 0) as highest_level
    from facts
    left join changes using (fact_no)
    group by facts.fact_no, facts.params
),

-- The fees of all tiers that were ever entered; without use that of the first, unless the price says otherwise.
entered as (
    select levels.fact_no, levels.last_level, coalesce(sum(tiers.flat_fee), 0) as fees
    from levels
    left join tiers
        on
            levels.fact_no = tiers.fact_no
            and {{ is_tier_fee_due(
                "'graduated'", 'levels.highest_level', 'tiers.lower_bound', 'tiers.up_to',
                "coalesce(levels.params ->> 'zero_quantity', 'first_tier_flat')"
            ) }}
    group by levels.fact_no, levels.last_level
)

select
    entered.fact_no, '' as part, 0 as position,
    case
        when entered.last_level < 0 then 0
        else entered.fees + greatest(coalesce(sum(moved.amount), 0), 0)
    end as amount
from entered
left join moved using (fact_no)
group by entered.fact_no, entered.last_level, entered.fees
