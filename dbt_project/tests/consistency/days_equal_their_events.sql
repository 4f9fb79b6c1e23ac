{{ config(tags=['audit']) }}

-- The local days as they grew load by load against days built anew from the events, each dated on its own instead of
-- through the calendar segments that the loads used.
with dated as (
    select
        event.*,
        metric.aggregation,
        day.bucket_start_at
    from {{ ref('int_event_state') }} as event
    inner join {{ ref('stg_config__metrics') }} as metric
        on event.metric_no = metric.metric_no and metric.valid_to_load is null
    inner join {{ source('store', 'periods') }} as period on event.period_no = period.period_no
    cross join lateral (
        select max(candidate.bucket_start_at) as bucket_start_at
        from (
            select {{ local_midnight(local_date('event.event_at', 'period.time_zone') ~ ' + step.days', 'period.time_zone') }}
                as bucket_start_at
            from (values (-1), (0), (1)) as step (days)
        ) as candidate
        where candidate.bucket_start_at <= event.event_at
    ) as day
    where event.disposition = 'b'
),

rebuilt as (
    select
        event.tenant_no, event.device_no, event.metric_no, event.period_no, event.bucket_start_at,
        {{ aggregate_events('event.aggregation', 'event') }} as quantity,
        count(*) as event_count,
        count(*) filter (where event.is_skew_candidate) as skew_candidate_count,
        min(event.event_at) as first_event_at,
        max(event.event_at) as last_event_at
    from dated as event
    group by 1, 2, 3, 4, 5, event.aggregation
)

{{ compared_buckets('rebuilt', source('store', 'usage_days')) }}
