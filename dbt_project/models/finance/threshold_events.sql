-- depends_on: {{ ref('store_threshold_events') }}
-- depends_on: {{ ref('store_threshold_events_previewed') }}
select
    event.threshold_event_no,
    period.tenant_id,
    period.period_id,
    device.device_id,
    metric.metric,
    event.kind,
    event.name,
    event.threshold_quantity,
    event.quantity,
    event.last_event_at,
    event.recorded_at,
    event.load_id
from {{ source('store', 'threshold_events') }} as event
inner join {{ ref('int_named_periods') }} as period on event.period_no = period.period_no
inner join {{ source('registry', 'metrics') }} as metric on event.metric_no = metric.metric_no
left join {{ source('registry', 'devices') }} as device on event.device_no = device.device_no
