{{ config(materialized='scratch', tags=['facts']) }}

-- Answers of facts in which single events or changes are priced, in their order.
with facts as (
    select * from {{ ref('stg_rating__facts') }}
),

events as (
    select
        facts.*, event.ordinality as event_no, (event.value #>> '{}')::numeric as amount,
        sum((event.value #>> '{}')::numeric) over earlier as amount_before
    from facts
    cross join lateral jsonb_array_elements(body -> 'events') with ordinality as event (value, ordinality)
    where model in ('percentage', 'dynamic')
    window earlier as (
        partition by facts.fact_no order by event.ordinality rows between unbounded preceding and 1 preceding
    )
),

fees as (
    select
        fact_no,
        coalesce({{ bounded_fee(
            "charged.amount * coalesce((params ->> 'rate_percent')::numeric, 0) * 0.01"
            ~ " + coalesce((params ->> 'fixed_per_event')::numeric, 0)",
            "(params ->> 'min_per_event')::numeric", "(params ->> 'max_per_event')::numeric"
        ) }} * case when charged.amount is not null then 1 end, 0) as amount
    from events
    cross join lateral (
        select {{ charged_amount(
            'events.event_no', 'events.amount', 'coalesce(events.amount_before, 0)',
            "(events.params ->> 'free_events')::integer", "(events.params ->> 'free_amount')::numeric"
        ) }} as amount
    ) as charged
    where model = 'percentage'
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
    where model = 'prorated_graduated'
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
    where model = 'prorated_graduated'
    window bounds as (partition by facts.fact_no order by tier.ordinality)
),

moved as (
    select
        fact_no, tier_number, flat_fee, unit_price,
        ({{ tier_quantity("'graduated'", 'level_after', 'lower_bound', 'up_to') }}
            - {{ tier_quantity("'graduated'", '(level_after - quantity)', 'lower_bound', 'up_to') }})
        * prorated_quantity / nullif(quantity, 0) as prorated_quantity,
        {{ is_tier_entered("'graduated'", 'level_after', 'lower_bound', 'up_to') }} as is_entered
    from changes
    inner join tiers using (fact_no)
),

prorated as (
    select fact_no, sum(prorated_quantity * unit_price) + max(flat_fee) * bool_or(is_entered)::integer as amount
    from moved
    group by fact_no, tier_number
)

select fact_no, '' as part, 0 as position, sum(amount) as amount from fees group by fact_no
union all
select fact_no, '', 0, sum(amount) * coalesce((params ->> 'multiplier')::numeric, 1)
from events
where model = 'dynamic'
group by fact_no, params
union all
select fact_no, '', 0, greatest(sum(amount), 0) from prorated group by fact_no
