select
    registered.tenant_no,
    config.occupancy_id,
    config.tenant_id,
    config.property_id,
    config.unit_id,
    config.starts_at::timestamptz as starts_at,
    coalesce(config.ends_at::timestamptz, 'infinity') as ends_at,
    config.occupants::integer as occupants,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'occupancies') }} as config
inner join {{ source('registry', 'tenants') }} as registered using (tenant_id)
