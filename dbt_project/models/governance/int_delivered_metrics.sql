-- The events of the days that the event store gate is about to judge. The array is what lets the block-range index skip
-- all that was stored by other loads.
select
    loads.received_date,
    event.tenant_no,
    event.metric_no,
    count(*) as event_count,
    count(*) filter (where event.timestamp_source <> 'd') as untrusted_count,
    max(extract(epoch from event.event_at - event.received_at)) as greatest_ahead_seconds,
    case when count(*) >= {{ events_of_a_fleet() }} and metric.aggregation = 'sum' and sum(event.quantity) > 0
        then max(event.quantity) / sum(event.quantity) end as largest_event_ratio,
    array_agg(distinct event.period_no) as period_nos
from {{ source('store', 'events') }} as event
inner join {{ ref('int_unseen_loads') }} as loads on event.load_id = loads.load_id
left join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and metric.valid_to_load is null
where event.load_id = any(array(select load_id from {{ ref('int_unseen_loads') }}))
group by loads.received_date, event.tenant_no, event.metric_no, metric.aggregation
