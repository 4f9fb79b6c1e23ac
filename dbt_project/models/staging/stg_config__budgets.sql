-- A budget without a device is of all devices of its tenant: number 0.
select
    config.budget_id,
    tenants.tenant_no,
    coalesce(devices.device_no, 0) as device_no,
    metrics.metric_no,
    config.quantity::numeric(30, 10) as quantity,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'budgets') }} as config
inner join {{ source('registry', 'tenants') }} as tenants using (tenant_id)
inner join {{ source('registry', 'metrics') }} as metrics using (metric)
left join {{ source('registry', 'devices') }} as devices
    on tenants.tenant_no = devices.tenant_no and config.device_id = devices.device_id
where config.device_id is null or devices.device_no is not null
