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
from {{ ref('int_metered_events') }} as event
inner join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and metric.valid_to_load is null
where {{ is_register('metric') }} is not true
group by event.tenant_no, event.device_no, event.metric_no, event.period_no, bucket_start_at, metric.aggregation

union all

select
    tenant_no,
    device_no,
    metric_no,
    period_no,
    {{ minute_of('event_at') }} as bucket_start_at,
    {{ minute_of('event_at') }} + interval '1 minute' as bucket_end_at,
    sum(quantity) as quantity,
    count(*) as event_count
from {{ source('store', 'register_uses') }}
group by tenant_no, device_no, metric_no, period_no, bucket_start_at
