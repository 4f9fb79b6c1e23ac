select
    tenant_id,
    device_id,
    metric,
    starts_at,
    case when ends_at < 'infinity' then ends_at end as ends_at,
    multiplier,
    offset_quantity,
    reason
from {{ ref('stg_config__calibrations') }}
where valid_to_load is null
