{{ config(materialized='scratch', tags=['facts']) }}

-- Answers of facts that are quantities, days or hours, before any price.
with facts as (
    select * from {{ ref('stg_rating__facts') }}
),

readings as (
    select
        facts.fact_no, params, reading.ordinality as reading_no, (reading.value #>> '{}')::numeric as quantity, model
    from facts
    cross join lateral jsonb_array_elements(body -> 'series') with ordinality as reading (value, ordinality)
    where model in ('aggregation', 'tier_band_quantity')
),

aggregated as (
    select
        facts.fact_no,
        case facts.params ->> 'type'
            when 'count' then coalesce(jsonb_array_length(coalesce(facts.body -> 'series', facts.body -> 'keys')), 0)
            when 'sum' then coalesce(sum(readings.quantity), 0)
            when 'max' then coalesce(max(readings.quantity), 0)
            when 'unique' then
                case
                    when facts.body ? 'keys' then (
                        select count(distinct key.value)
                        from jsonb_array_elements_text(facts.body -> 'keys') as key (value)
                    )
                    else count(distinct readings.quantity)
                end
            when 'latest' then greatest(
                coalesce((array_agg(readings.quantity order by readings.reading_no desc))[1], 0), 0
            )
        end as amount
    from facts
    left join readings using (fact_no)
    where facts.model = 'aggregation'
    group by facts.fact_no, facts.params, facts.body
),

levels as (
    select
        facts.fact_no,
        (params ->> 'period_start')::timestamptz as start_at,
        (params ->> 'period_end')::timestamptz as end_at,
        (change.value ->> 'delta')::numeric as delta,
        (change.value ->> 'timestamp')::timestamptz as changed_at,
        coalesce((params ->> 'initial_value')::numeric, 0) as initial_value
    from facts
    left join lateral jsonb_array_elements(coalesce(body -> 'events', '[]'::jsonb)) as change (value) on true
    where model = 'weighted_sum'
),

assigned as (
    select
        facts.fact_no,
        to_char(
            {{ local_date("(event.value ->> 'timestamp')::timestamptz", "(params ->> 'timezone')") }},
            case params ->> 'granularity' when 'day' then 'YYYY-MM-DD' else 'YYYY-MM' end
        ) as part,
        (event.value ->> 'value')::numeric as quantity
    from facts
    cross join lateral jsonb_array_elements(body -> 'events') as event (value)
    where model = 'period_assignment'
)

select fact_no, '' as part, 0 as position, amount::numeric as amount from aggregated

union all

-- Each change counts for the seconds that are left.
select
    fact_no, '', 0,
    initial_value + coalesce(
        sum(delta * greatest(extract(epoch from end_at - greatest(changed_at, start_at)), 0))::numeric(60, 20)
        / extract(epoch from end_at - start_at),
        0
    )
from levels
group by fact_no, initial_value, start_at, end_at

union all

select fact_no, part, 0, sum(quantity) from assigned group by fact_no, part

union all

select
    fact_no, '', 0, (
        {{ wall_time("params ->> 'end'", "(params ->> 'timezone')") }}::date
        - {{ wall_time("params ->> 'start'", "(params ->> 'timezone')") }}::date
    )::numeric
from facts
where model = 'calendar_days'

union all

select
    fact_no, '', 0,
    extract(epoch from
        {{ wall_time("params ->> 'end'", "(params ->> 'timezone')") }} at time zone (params ->> 'timezone')
        - {{ wall_time("params ->> 'start'", "(params ->> 'timezone')") }} at time zone (params ->> 'timezone')
    ) / 3600
from facts
where model = 'local_hours'

union all

select
    fact_no, '', reading_no::integer,
    greatest(
        {{ tier_quantity(
            "'graduated'", 'quantity', "coalesce((params ->> 'from')::numeric, 0)", "(params ->> 'to')::numeric"
        ) }}, 0
    )
from readings
where model = 'tier_band_quantity'

union all

select
    fact_no, '', 0, {{ unit_converted("(body ->> 'quantity')::numeric", 'params') }}
from facts
where model = 'unit_conversion' and params -> 'price' is null

union all

select
    fact_no, '', 0,
    {{ unit_converted("coalesce(body ->> 'quantity', params ->> 'line_quantity')::numeric", 'params') }}
    * (params ->> 'unit_price')::numeric
from facts
where model = 'unit_conversion_split'
