-- The local days as they grew load by load against days built anew from the events, dated through a calendar of whole
-- periods instead of the segments that the loads cut. A deferred event has its day in the period it was measured in.
with local_days as (
    select
        period.period_no,
        {{ local_midnight('local_dates.local_date::date', 'period.time_zone') }} as day_start_at,
        {{ local_midnight("(local_dates.local_date + interval '1 day')::date", 'period.time_zone') }} as day_end_at
    from {{ source('store', 'periods') }} as period
    cross join lateral generate_series(
        {{ local_date('period.period_start_at', 'period.time_zone') }}::timestamp - interval '1 day',
        {{ local_date('period.period_end_at', 'period.time_zone') }}::timestamp,
        interval '1 day'
    ) as local_dates (local_date)
),

calendar as materialized (
    select * from local_days where day_start_at < day_end_at
),

rebuilt as (
    select
        event.tenant_no, event.device_no, event.metric_no, event.period_no,
        calendar.day_start_at as bucket_start_at,
        {{ aggregate_events('metric.aggregation', 'event') }} as quantity,
        count(*) as event_count,
        count(*) filter (where event.is_skew_candidate) as skew_candidate_count,
        min(event.event_at) as first_event_at,
        max(event.event_at) as last_event_at
    from {{ ref('int_event_uses') }} as event
    inner join {{ ref('stg_config__metrics') }} as metric
        on event.metric_no = metric.metric_no and metric.valid_to_load is null
    left join {{ source('store', 'periods') }} as home
        on event.disposition = 'd'
        and event.tenant_no = home.tenant_no
        and event.event_at >= home.period_start_at
        and event.event_at < home.period_end_at
    inner join calendar
        on coalesce(home.period_no, event.period_no) = calendar.period_no
        and event.event_at >= calendar.day_start_at
        and event.event_at < calendar.day_end_at
    where {{ is_billed('event.disposition') }}
    group by
        event.tenant_no, event.device_no, event.metric_no, event.period_no, calendar.day_start_at, metric.aggregation
)

{{ compared_buckets('rebuilt', source('store', 'usage_days')) }}
