-- depends_on: {{ ref('store_register_uses') }}
select
    period.tenant_id,
    period.period_id,
    device.device_id,
    metric.metric,
    used.event_at,
    used.reading,
    used.previous_high,
    used.flag,
    used.quantity,
    used.flag in ('reverse', 'jump', 'interleaved') as is_to_review,
    {{ register_remedy('used.flag') }} as remedy
from {{ source('store', 'register_uses') }} as used
inner join {{ ref('int_named_periods') }} as period on used.period_no = period.period_no
inner join {{ source('registry', 'devices') }} as device on used.device_no = device.device_no
inner join {{ source('registry', 'metrics') }} as metric on used.metric_no = metric.metric_no
where used.flag in ('rollover', 'exchange', 'reverse', 'jump', 'interleaved')
