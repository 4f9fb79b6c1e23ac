{{ config(materialized='scratch', tags=['facts']) }}

-- Answers of facts that are prices of quantities: alone, summed, or as what a part of a period adds to it.
with facts as (
    select * from {{ ref('stg_rating__facts') }}
),

amounts as (
    select facts.fact_no, facts.model, facts.params, facts.body, facts.rounding_mode, facts.rounding_places,
        step.step_no, step.amount
    from facts
    inner join {{ ref('int_fact_amounts') }} as step using (fact_no)
),

split as (
    select
        fact_no, params,
        coalesce(sum(amount) filter (where step_no = 1), 0) - coalesce(sum(amount) filter (where step_no = 2), 0)
            as difference,
        coalesce((params ->> 'previously_billed')::numeric, 0) as previously_billed
    from amounts
    where model = 'progressive_split'
    group by fact_no, params
),

discounted as (
    select
        fact_no, params, previously_billed,
        least(
            difference * (1 - coalesce((params ->> 'percent_discount')::numeric, 0) * 0.01),
            case
                when params ->> 'max_amount' is not null
                    then greatest((params ->> 'max_amount')::numeric - previously_billed, 0)
            end
        ) as amount
    from split
),

-- One period rated again at each snapshot: what is booked is the difference to what was booked before.
rerated as (
    select
        fact_no, step_no,
        {{ rounded('bounded.amount', 'rounding_mode', 'rounding_places') }} as amount
    from amounts
    cross join lateral (
        select greatest(
            least(
                amount * (1 - coalesce((params ->> 'percent_discount')::numeric, 0) * 0.01),
                (params ->> 'max_amount')::numeric
            ),
            case
                when (body #>> array['series', (step_no - 1)::text, 'final'])::boolean
                    then (params ->> 'min_amount')::numeric
            end
        ) as amount
    ) as bounded
    where model = 'late_delta'
)

select fact_no, '' as part, 0 as position, sum(amount) as amount
from amounts
where model not in ('progressive_split', 'late_delta', 'block_tiers')
group by fact_no

union all

select fact_no, '', 0, sum(amount) - coalesce((params ->> 'already_billed')::numeric, 0)
from amounts
where model = 'block_tiers'
group by fact_no, params

union all

select
    fact_no, '', 0,
    case
        when (params ->> 'final')::boolean
            then greatest(amount, (params ->> 'min_amount')::numeric - previously_billed)
        else amount
    end
from discounted

union all

select fact_no, '', step_no, amount - coalesce(lag(amount) over (partition by fact_no order by step_no), 0)
from rerated
