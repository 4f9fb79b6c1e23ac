{{ config(materialized='scratch', tags=['facts']) }}

-- Answers of facts whose price depends on when the use was.
with recursive facts as (
    select * from {{ ref('stg_rating__facts') }}
),

windows as (
    select
        facts.fact_no, facts.params, (element.value ->> 'hour')::integer as hour,
        (element.value ->> 'quantity')::numeric as quantity
    from facts
    cross join lateral jsonb_array_elements(body -> 'series') as element (value)
    where model = 'tou_commitment'
),

committed as (
    select windows.fact_no, windows.quantity * (priced.bucket ->> 'unit_price')::numeric as amount, priced.bucket
    from windows
    cross join lateral (
        select coalesce(
            (
                select bucket.value
                from jsonb_array_elements(params -> 'buckets') with ordinality as bucket (value, ordinality)
                where {{ is_within_day(
                    'windows.hour', "(bucket.value ->> 'from_hour')::integer", "(bucket.value ->> 'to_hour')::integer"
                ) }}
                order by bucket.ordinality
                limit 1
            ),
            params -> 'default'
        ) as bucket
    ) as priced
),

blocks as (
    select
        facts.fact_no, params,
        sum(coalesce(element.value ->> 'quantity', element.value #>> '{}')::numeric) as quantity
    from facts
    cross join lateral jsonb_array_elements(body -> 'series') as element (value)
    where model = 'tou_block'
    group by facts.fact_no, params
),

bills as (
    select
        facts.fact_no, rounding_mode, rounding_places, line.ordinality::integer as line_no,
        (line.value ->> 'quantity')::numeric * (line.value ->> 'unit_price')::numeric
        * coalesce((line.value ->> 'factor')::numeric, (params ->> 'factor')::numeric, 1)
        * (1 + coalesce((line.value ->> 'tax_percent')::numeric, (params ->> 'tax_percent')::numeric, 0) * 0.01)
            as amount
    from facts
    cross join lateral jsonb_array_elements(coalesce(body -> 'lines', params -> 'lines'))
        with ordinality as line (value, ordinality)
    where model = 'tou_bill'
),

sessions as (
    select fact_no, params -> 'rules' as rules, (body ->> 'start')::timestamp as start_at,
        (body ->> 'duration_s')::numeric as duration
    from facts
    where model = 'time_rated'
),

-- Increment after increment, each whole, at the rule in force when it begins.
increments as (
    select fact_no, rules, start_at, duration, 0::numeric as elapsed, 0::numeric as amount
    from sessions
    union all
    select
        running.fact_no, running.rules, running.start_at, running.duration,
        running.elapsed + step.seconds,
        running.amount + (step.rule ->> 'price')::numeric * step.seconds
        / coalesce((step.rule ->> 'per_s')::numeric, 60)
    from increments as running
    cross join lateral (
        select rule.value as rule, coalesce((rule.value ->> 'increment_s')::numeric, 1) as seconds
        from jsonb_array_elements(running.rules) with ordinality as rule (value, ordinality)
        cross join lateral (select running.start_at + running.elapsed * interval '1 second' as moment) as local
        where
            (
                rule.value -> 'weekdays' is null
                or rule.value -> 'weekdays' @> to_jsonb(extract(isodow from local.moment)::integer)
            )
            and {{ is_within_day(
                'local.moment::time', "coalesce(rule.value ->> 'from', '00:00')::time",
                "coalesce(rule.value ->> 'to', '24:00')::time"
            ) }}
        order by rule.ordinality
        limit 1
    ) as step
    where running.elapsed < running.duration
)

select
    fact_no, '' as part, 0 as position,
    sum(case
        when bucket ->> 'commitment_amount' is null then amount
        when amount > (bucket ->> 'commitment_amount')::numeric
            then (bucket ->> 'commitment_amount')::numeric
            + (amount - (bucket ->> 'commitment_amount')::numeric) * coalesce((bucket ->> 'overage_factor')::numeric, 1)
        when (bucket ->> 'true_up')::boolean then (bucket ->> 'commitment_amount')::numeric
        else amount
    end) as amount
from committed
group by fact_no

union all

select
    fact_no, '', 0,
    least(quantity, (params ->> 'threshold')::numeric) * (params ->> 'below')::numeric
    + greatest(quantity - (params ->> 'threshold')::numeric, 0) * (params ->> 'above')::numeric
from blocks

union all

select fact_no, 'lines', line_no, {{ rounded('amount', 'rounding_mode', 'rounding_places') }} from bills
union all
select fact_no, 'total', 0, sum(amount) from bills group by fact_no
union all
select fact_no, '', 0, sum(amount) from bills group by fact_no

union all

select
    session.fact_no, '', 0,
    coalesce(max(increment.amount), 0) + coalesce((session.rules #>> '{0,connect_fee}')::numeric, 0)
from sessions as session
left join increments as increment on session.fact_no = increment.fact_no
group by session.fact_no, session.rules
