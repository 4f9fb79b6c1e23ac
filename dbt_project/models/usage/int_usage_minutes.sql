-- Minutes are a view over the events: at the usual rates a minute row would cost as much as the event it holds.
select
    event.tenant_no,
    event.device_no,
    event.metric_no,
    event.period_no,
    {{ minute_of('event.event_at') }} as bucket_start_at,
    {{ minute_of('event.event_at') }} + interval '1 minute' as bucket_end_at,
    {{ aggregate_events('metric.aggregation', 'event') }} as quantity,
    count(*) as event_count
from {{ ref('int_event_state') }} as event
inner join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and metric.valid_to_load is null
where {{ is_billed('event.disposition') }}
group by event.tenant_no, event.device_no, event.metric_no, event.period_no, bucket_start_at, metric.aggregation
