select
    devices.tenant_no,
    devices.device_no,
    metrics.metric_no,
    config.tenant_id,
    config.device_id,
    config.metric,
    config.starts_at::timestamptz as starts_at,
    coalesce(config.ends_at::timestamptz, 'infinity') as ends_at,
    config.multiplier::numeric as multiplier,
    config.offset_quantity::numeric as offset_quantity,
    config.reason,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'calibrations') }} as config
inner join {{ source('registry', 'tenants') }} as tenants using (tenant_id)
inner join {{ source('registry', 'devices') }} as devices
    on tenants.tenant_no = devices.tenant_no and config.device_id = devices.device_id
inner join {{ source('registry', 'metrics') }} as metrics using (metric)
