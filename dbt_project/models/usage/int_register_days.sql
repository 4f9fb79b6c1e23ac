{{ config(materialized='scratch', tags=['load'], only_with='int_register_uses') }}

-- Recomputed readings with their local day. The run's calendar knows the days of what came, not of what stood behind.
with tenant_days as (
    select distinct tenant_no, {{ utc_day('event_at') }} as utc_day from {{ ref('int_register_uses') }}
),

local_days as (
    select
        tenant_day.tenant_no,
        tenant_day.utc_day,
        period.period_start_at,
        period.period_end_at,
        {{ local_midnight('local_dates.local_date::date', 'period.time_zone') }} as day_start_at,
        {{ local_midnight("(local_dates.local_date + interval '1 day')::date", 'period.time_zone') }} as day_end_at
    from tenant_days as tenant_day
    inner join {{ source('store', 'periods') }} as period
        on tenant_day.tenant_no = period.tenant_no
        and period.period_start_at < (tenant_day.utc_day + 1)::timestamp at time zone 'UTC'
        and period.period_end_at > tenant_day.utc_day::timestamp at time zone 'UTC'
    cross join lateral generate_series(
        tenant_day.utc_day - interval '2 days', tenant_day.utc_day + interval '2 days', interval '1 day'
    ) as local_dates (local_date)
)

select
    used.tenant_no,
    used.device_no,
    used.metric_no,
    used.period_no,
    local_days.day_start_at as bucket_start_at,
    local_days.day_end_at as bucket_end_at
from {{ ref('int_register_uses') }} as used
inner join local_days
    on used.tenant_no = local_days.tenant_no
    and {{ utc_day('used.event_at') }} = local_days.utc_day
    and used.event_at >= greatest(local_days.period_start_at, local_days.day_start_at)
    and used.event_at < least(local_days.period_end_at, local_days.day_end_at)
