{{ config(materialized='scratch', tags=['load']) }}
-- depends_on: {{ ref('store_periods') }}

-- The tenants' UTC days that this run touches, cut at period and local-day borders, so that period, lateness and
-- local day of an event are one join.
with restated as (
    select tenant_no, event_at, old_event_at
    from {{ source('store', 'event_restatements') }}
    where {{ is_claimed('cause_load_id') }} and {{ in_lane('tenant_no') }}
),

touched as (
    select dated.tenant_no, dated.event_at from {{ ref('int_dated_events') }} as dated
    union all
    select event.tenant_no, state.event_at
    from {{ ref('int_events_to_date') }} as event
    cross join lateral (
        select known.event_at
        from {{ ref('int_event_state') }} as known
        where {{ same_identity('known', 'event') }} and known.stored_device_ts = event.stored_device_ts
    ) as state
    where event.stored_device_ts is not null
    union all
    select tenant_no, event_at from restated
    union all
    select tenant_no, old_event_at from restated
),

tenant_days as (
    select tenant_no, {{ utc_day('day_start_at') }} as utc_day
    from (select distinct tenant_no, {{ day_of('event_at') }} as day_start_at from touched) as days
),

in_period as (
    select
        tenant_day.tenant_no,
        tenant_day.utc_day,
        period.period_no,
        period.time_zone,
        period.period_start_at,
        period.period_end_at,
        period.boundary_at,
        period.late_policy,
        greatest(tenant_day.utc_day::timestamp at time zone 'UTC', period.period_start_at) as segment_start_at,
        least((tenant_day.utc_day + 1)::timestamp at time zone 'UTC', period.period_end_at) as segment_end_at
    from tenant_days as tenant_day
    inner join {{ source('store', 'periods') }} as period
        on tenant_day.tenant_no = period.tenant_no
        and period.period_start_at < (tenant_day.utc_day + 1)::timestamp at time zone 'UTC'
        and period.period_end_at > tenant_day.utc_day::timestamp at time zone 'UTC'
),

local_days as (
    select
        in_period.*,
        {{ local_midnight('local_dates.local_date::date', 'time_zone') }} as local_day_start_at,
        {{ local_midnight("(local_dates.local_date + interval '1 day')::date", 'time_zone') }} as local_day_end_at
    from in_period
    cross join lateral generate_series(
        {{ local_date('segment_start_at', 'time_zone') }}::timestamp - interval '1 day',
        {{ local_date('segment_end_at', 'time_zone') }}::timestamp,
        interval '1 day'
    ) as local_dates (local_date)
)

select
    tenant_no,
    utc_day,
    period_no,
    period_start_at,
    period_end_at,
    boundary_at,
    late_policy,
    local_day_start_at,
    local_day_end_at,
    greatest(segment_start_at, local_day_start_at) as segment_start_at,
    least(segment_end_at, local_day_end_at) as segment_end_at
from local_days
where greatest(segment_start_at, local_day_start_at) < least(segment_end_at, local_day_end_at)
