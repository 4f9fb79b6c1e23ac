select
    registered.tenant_no,
    config.tenant_id,
    config.reason,
    config.period_start_date::date as period_start_date,
    config.closes_at::timestamptz as closes_at,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'period_overrides') }} as config
inner join {{ source('registry', 'tenants') }} as registered using (tenant_id)
