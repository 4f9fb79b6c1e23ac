-- Minutes of the event store and those that were kept of archived months. A minute whose events left in several months,
-- or that has some in the store still, is one row.
with minutes as (
    select
        tenant_no, device_no, metric_no, period_no, bucket_start_at, bucket_end_at, quantity, event_count, last_event_at
    from {{ ref('int_usage_minutes') }}
    union all
    select
        tenant_no, device_no, metric_no, period_no, bucket_start_at, bucket_start_at + interval '1 minute', quantity,
        event_count, last_event_at
    from {{ source('store', 'usage_minutes') }}
)

select
    minutes.tenant_no,
    minutes.device_no,
    minutes.metric_no,
    minutes.period_no,
    minutes.bucket_start_at,
    minutes.bucket_end_at,
    case metric.aggregation
        when 'max' then max(minutes.quantity)
        when 'min' then min(minutes.quantity)
        when 'latest' then (array_agg(minutes.quantity order by minutes.last_event_at desc))[1]
        else sum(minutes.quantity)
    end as quantity,
    sum(minutes.event_count) as event_count
from minutes
inner join {{ ref('stg_config__metrics') }} as metric
    on minutes.metric_no = metric.metric_no and metric.valid_to_load is null
group by
    minutes.tenant_no, minutes.device_no, minutes.metric_no, minutes.period_no, minutes.bucket_start_at,
    minutes.bucket_end_at, metric.aggregation
