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

dated as (
    select
        *,
        {{ local_date('period_start_at', 'time_zone') }} as period_start_date,
        {{ local_date("period_end_at - interval '1 microsecond'", 'time_zone') }} as last_local_date
    from clipped
)

select
    dated.tenant_no,
    dated.contract_id,
    dated.period_start_date,
    dated.period_start_at,
    dated.period_end_at,
    {{ boundary_at('dated.period_end_at', 'dated', 'declared.closes_at') }} as boundary_at,
    date_trunc('month', dated.last_local_date)::date as last_local_month,
    dated.last_local_date - dated.period_start_date + 1 as proration_numerator,
    dated.cycle_end_date - dated.cycle_start_date as proration_denominator,
    dated.time_zone,
    dated.late_policy
from dated
left join {{ ref('stg_config__period_overrides') }} as declared
    on dated.tenant_no = declared.tenant_no
    and dated.period_start_date = declared.period_start_date
    and declared.valid_to_load is null
