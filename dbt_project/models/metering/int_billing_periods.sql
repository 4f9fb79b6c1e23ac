-- Cycles clipped to their contract (RULES 13), with the boundary from which a message is late.
with cycles as (
    select
        *,
        {{ local_midnight('cycle_start_date', 'time_zone') }} as cycle_start_at,
        {{ local_midnight('cycle_end_date', 'time_zone') }} as cycle_end_at
    from {{ ref('int_contract_cycles') }}
),

clipped as (
    select
        *,
        greatest(cycle_start_at, starts_at) as period_start_at,
        least(cycle_end_at, ends_at) as period_end_at
    from cycles
    where cycle_start_at < ends_at and cycle_end_at > starts_at
),

-- Where the cycle itself begins or ends, its own dates count: a zone that skips a day shortens no period. A date that
-- has no instants, because its zone skipped it and the cycle is but that date, is no period.
dated as (
    select
        *,
        case
            when period_start_at = cycle_start_at then cycle_start_date
            else {{ local_date('period_start_at', 'time_zone') }}
        end as first_covered_date,
        case
            when period_end_at = cycle_end_at then cycle_end_date - 1
            else {{ local_date("period_end_at - interval '1 microsecond'", 'time_zone') }}
        end as last_covered_date,
        {{ local_date("period_end_at - interval '1 microsecond'", 'time_zone') }} as last_local_date
    from clipped
    where period_start_at < period_end_at
),

numbered as (
    select
        *,
        row_number() over (partition by tenant_no order by period_start_at)::integer as period_rank
    from dated
),

-- A change of contract inside a day, or to a zone further west, can begin a second period on the same local date: the
-- later one has the name of the next date that is free.
named as (
    select
        *,
        max(first_covered_date - period_rank) over (
            partition by tenant_no order by period_rank
        ) + period_rank as period_start_date
    from numbered
)

select
    named.tenant_no,
    named.contract_id,
    named.period_start_date,
    named.period_start_at,
    named.period_end_at,
    {{ boundary_at('named.period_end_at', 'named', 'declared.closes_at') }} as boundary_at,
    date_trunc('month', named.last_local_date)::date as last_local_month,
    named.last_covered_date - named.first_covered_date + 1 as proration_numerator,
    named.cycle_end_date - named.cycle_start_date as proration_denominator,
    named.time_zone,
    named.late_policy
from named
left join {{ ref('stg_config__period_overrides') }} as declared
    on named.tenant_no = declared.tenant_no
    and named.period_start_date = declared.period_start_date
    and declared.valid_to_load is null
