{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- The part of a whole cycle that a period bears of what recurs: by local days (RULES 13), or as the card says by
-- seconds, with or without the day on which the contract ends, or not at all.
with asked as (
    select
        period.*,
        terms.proration,
        terms.proration_end,
        terms.proration = 'second'
        or (
            terms.proration = 'day'
            and terms.proration_end = 'inclusive'
            and period.proration_numerator < period.proration_denominator
        ) as is_recounted
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
),

cycles as (
    select
        asked.*,
        {{ local_midnight('cycle.first_date', 'asked.time_zone') }} as cycle_start_at,
        {{ local_midnight('(cycle.first_date + asked.proration_denominator)', 'asked.time_zone') }} as cycle_end_at
    from asked
    cross join lateral (
        select {{ local_date('asked.period_start_at', 'asked.time_zone') }} as first_date
    ) as own
    cross join lateral (
        select case when asked.is_recounted then {{ cycle_start_date('own.first_date', 'asked') }} end as first_date
    ) as cycle
),

paid as (
    select
        cycles.*,
        {{ paid_until('period_end_at', 'cycle_end_at') }} as paid_until_at
    from cycles
)

select
    tenant_no,
    period_no,
    invoice_version,
    case proration when 'second' then 'seconds' else 'days' end as proration_unit,
    case
        when proration = 'none' then 1
        when proration = 'second' then greatest(extract(epoch from paid_until_at - period_start_at)::integer, 1)
        else {{ paid_days('paid') }}
    end as proration_numerator,
    case
        when proration = 'none' then 1
        when proration = 'second' then extract(epoch from cycle_end_at - cycle_start_at)::integer
        else proration_denominator
    end as proration_denominator
from paid
