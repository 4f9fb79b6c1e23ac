{{ config(materialized='scratch', tags=['facts']) }}

-- Answers of facts in which single events are priced, in their order; and of all facts whose use is an empty list.
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
            "nullif((events.params ->> 'free_events')::integer, 0)",
            "nullif((events.params ->> 'free_amount')::numeric, 0)"
        ) }} as amount
    ) as charged
    where model = 'percentage'
),

-- A list without elements comes to nothing.
empty as (
    select fact_no, model
    from facts
    where
        model in (
            'percentage', 'dynamic', 'matrix', 'windowed', 'tou_commitment', 'tou_block', 'tou_bill', 'sum_of_rounded',
            'invoice_total'
        )
        and coalesce(body -> 'events', body -> 'items', body -> 'series', body -> 'lines', params -> 'lines') = '[]'
)

select fact_no, '' as part, 0 as position, sum(amount) as amount from fees group by fact_no
union all
select fact_no, '', 0, sum(amount) * coalesce((params ->> 'multiplier')::numeric, 1)
from events
where model = 'dynamic'
group by fact_no, params
union all
select fact_no, '', 0, 0 from empty
union all
select fact_no, 'total', 0, 0 from empty where model = 'tou_bill'
