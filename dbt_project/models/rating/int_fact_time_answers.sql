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
            params -> 'default', '{"unit_price": "0"}'
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
        running.elapsed + coalesce(step.seconds, 1),
        -- The rule that the session begins under has the fee; where no rule is in force there is no price.
        running.amount + case when running.elapsed = 0 then step.connect_fee else 0 end + step.price
    from increments as running
    left join lateral (
        select
            coalesce((rule.value ->> 'increment_s')::numeric, 1) as seconds,
            ((rule.value ->> 'price')::numeric * coalesce((rule.value ->> 'increment_s')::numeric, 1))::numeric(80, 30)
            / coalesce((rule.value ->> 'per_s')::numeric, 60) as price,
            coalesce((rule.value ->> 'connect_fee')::numeric, 0) as connect_fee
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
    ) as step on true
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
    fact_no, '', 0, round((array_agg(amount order by elapsed desc))[1], 20)
from increments
group by fact_no
