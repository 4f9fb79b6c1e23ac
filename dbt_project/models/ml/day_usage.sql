-- What the models learn from: complete local days of use that adds up. A day without a billed event has no row, because
-- a silent device is not a zero.
select
    period.tenant_id,
    device.device_id,
    metric.metric,
    config.device_type,
    {{ local_date('usage.bucket_start_at', 'period.time_zone') }} as local_date,
    period.period_id,
    period.period_start_date,
    {{ local_date("period.period_end_at - interval '1 microsecond'", 'period.time_zone') }} + 1 as period_end_date,
    usage.quantity,
    usage.event_count,
    usage.first_event_at,
    usage.last_event_at
from {{ ref('int_usage_days') }} as usage
inner join {{ ref('int_named_periods') }} as period on usage.period_no = period.period_no
inner join {{ source('registry', 'devices') }} as device on usage.device_no = device.device_no
inner join {{ ref('stg_config__metrics') }} as metric
    on usage.metric_no = metric.metric_no and metric.valid_to_load is null
inner join {{ ref('stg_config__tenants') }} as tenant
    on usage.tenant_no = tenant.tenant_no and tenant.valid_to_load is null
inner join {{ ref('int_watermarks') }} as watermark on tenant.region = watermark.region
left join {{ ref('stg_config__devices') }} as config
    on usage.device_no = config.device_no and config.valid_to_load is null
where
    usage.event_count > 0
    and {{ is_additive('metric.aggregation') }}
    and {{ is_final('usage.bucket_end_at', 'watermark.last_received_at') }}
