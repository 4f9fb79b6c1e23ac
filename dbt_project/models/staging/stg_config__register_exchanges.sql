select
    devices.tenant_no,
    devices.device_no,
    metrics.metric_no,
    config.tenant_id,
    config.device_id,
    config.metric,
    config.reason,
    config.exchanged_at::timestamptz as exchanged_at,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'register_exchanges') }} as config
inner join {{ source('registry', 'tenants') }} as tenants using (tenant_id)
inner join {{ source('registry', 'devices') }} as devices
    on tenants.tenant_no = devices.tenant_no and config.device_id = devices.device_id
inner join {{ source('registry', 'metrics') }} as metrics using (metric)
