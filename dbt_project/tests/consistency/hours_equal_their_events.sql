-- The hours as they grew load by load against the hours built anew from the events, every column of them.
with rebuilt as (
    select
        event.tenant_no, event.device_no, event.metric_no, event.period_no,
        {{ hour_of('event.event_at') }} as bucket_start_at,
        {{ aggregate_events('metric.aggregation', 'event') }} as quantity,
        count(*) as event_count,
        count(*) filter (where event.is_skew_candidate) as skew_candidate_count,
        min(event.event_at) as first_event_at,
        max(event.event_at) as last_event_at
    from {{ ref('int_event_uses') }} as event
    inner join {{ ref('stg_config__metrics') }} as metric
        on event.metric_no = metric.metric_no and metric.valid_to_load is null
    where {{ is_billed('event.disposition') }}
    group by
        event.tenant_no, event.device_no, event.metric_no, event.period_no, bucket_start_at, metric.aggregation
)

{{ compared_buckets('rebuilt', source('store', 'usage_hours')) }}
