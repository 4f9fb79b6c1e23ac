select
    registered.tenant_no,
    config.tenant_id,
    config.name,
    config.region,
    config.currency_code,
    coalesce(config.legal_entity, 'default') as legal_entity,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'tenants') }} as config
inner join {{ source('registry', 'tenants') }} as registered using (tenant_id)
