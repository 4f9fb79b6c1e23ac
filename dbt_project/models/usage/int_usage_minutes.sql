-- Minutes are a view over the events: at the usual rates a minute row would cost as much as the event it holds.
{{ minute_totals(ref('int_metered_events')) }}

union all

select
    tenant_no,
    device_no,
    metric_no,
    period_no,
    {{ minute_of('event_at') }} as bucket_start_at,
    {{ minute_of('event_at') }} + interval '1 minute' as bucket_end_at,
    sum(quantity) as quantity,
    count(*) as event_count,
    max(event_at) as last_event_at
from {{ source('store', 'register_uses') }}
group by tenant_no, device_no, metric_no, period_no, bucket_start_at
