-- Master and sub-meters of properties with the metrics that they have ever measured and the property's tolerance.
select distinct
    device.tenant_no,
    device.tenant_id,
    device.device_no,
    device.device_id,
    device.property_id,
    device.meter_role,
    coalesce(device.activated_at, '-infinity') as activated_at,
    coalesce(device.retired_at, 'infinity') as retired_at,
    metric.metric_no,
    metric.metric,
    coalesce(property.tolerance_percent, {{ default_property_tolerance_percent() }}) as tolerance_percent
from {{ ref('stg_config__devices') }} as device
inner join {{ source('store', 'high_water') }} as mark
    on device.tenant_no = mark.tenant_no and device.device_no = mark.device_no
inner join {{ ref('stg_config__metrics') }} as metric
    on mark.metric_no = metric.metric_no and metric.valid_to_load is null and metric.aggregation = 'sum'
left join {{ ref('stg_config__properties') }} as property
    on device.property_id = property.property_id and property.valid_to_load is null
where
    device.valid_to_load is null
    and device.meter_role is not null
    and exists (
        select 1 from {{ source('store', 'usage_days') }} as usage
        where
            usage.tenant_no = mark.tenant_no
            and usage.device_no = mark.device_no
            and usage.metric_no = mark.metric_no
    )
