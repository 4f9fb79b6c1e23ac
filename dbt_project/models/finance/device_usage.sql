-- depends_on: {{ ref('store_usage_days_recomputed') }}
select
    period.tenant_id,
    period.period_id,
    device.device_id,
    metric.metric,
    usage.quantity,
    usage.event_count::bigint as event_count,
    usage.first_event_at,
    usage.last_event_at,
    usage.skew_candidate_count::bigint as skew_candidate_count,
    usage.estimated_quantity,
    usage.quality_flags
from {{ ref('int_device_usage') }} as usage
inner join {{ ref('int_named_periods') }} as period on usage.period_no = period.period_no
inner join {{ source('registry', 'devices') }} as device on usage.device_no = device.device_no
inner join {{ source('registry', 'metrics') }} as metric on usage.metric_no = metric.metric_no
