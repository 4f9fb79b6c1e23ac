select
    config.credit_id,
    tenants.tenant_no as credited_tenant_no,
    config.tenant_id,
    config.currency_code,
    config.amount::numeric as amount,
    config.granted_date::date as granted_date,
    coalesce(config.expires_date::date, 'infinity') as expires_date,
    config.priority::integer as priority,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'credits') }} as config
inner join {{ source('registry', 'tenants') }} as tenants using (tenant_id)
