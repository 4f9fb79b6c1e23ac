{{ config(tags=['facts']) }}

-- Each fact beside what the rules make of it. An answer may be a number, a list or an object; what the source does not
-- say is not compared.
with answers as (
    select * from {{ ref('int_fact_price_answers') }}
    union all
    select * from {{ ref('int_fact_event_answers') }}
    union all
    select * from {{ ref('int_fact_change_answers') }}
    union all
    select * from {{ ref('int_fact_capacity_answers') }}
    union all
    select * from {{ ref('int_fact_time_answers') }}
    union all
    select * from {{ ref('int_fact_period_answers') }}
    union all
    select * from {{ ref('int_fact_usage_answers') }}
),

wanted as (
    select fact_no, '' as part, 0 as position, (expected #>> '{}')::numeric as expected_amount
    from {{ ref('stg_rating__facts') }}
    where jsonb_typeof(expected) in ('string', 'number')
    union all
    select facts.fact_no, '', item.ordinality::integer, (item.value #>> '{}')::numeric
    from {{ ref('stg_rating__facts') }} as facts
    cross join lateral jsonb_array_elements(facts.expected) with ordinality as item (value, ordinality)
    where jsonb_typeof(facts.expected) = 'array'
    union all
    select
        facts.fact_no, part.name, coalesce(item.ordinality, 0)::integer,
        (coalesce(item.value, part.value) #>> '{}')::numeric
    from {{ ref('stg_rating__facts') }} as facts
    cross join lateral jsonb_each(facts.expected) as part (name, value)
    left join lateral jsonb_array_elements(case when jsonb_typeof(part.value) = 'array' then part.value end)
        with ordinality as item (value, ordinality) on true
    where jsonb_typeof(facts.expected) = 'object'
)

select
    facts.fact_no,
    facts.fact_id,
    facts.model,
    wanted.part,
    wanted.position,
    case when wanted.part <> '' then wanted.part || ' ' else '' end
    || case when wanted.position > 0 then wanted.position::text || ': ' else '' end as place,
    wanted.expected_amount,
    {{ rounded('answers.amount', 'facts.rounding_mode', 'facts.rounding_places') }} as amount
from {{ ref('stg_rating__facts') }} as facts
inner join wanted using (fact_no)
left join answers using (fact_no, part, position)
