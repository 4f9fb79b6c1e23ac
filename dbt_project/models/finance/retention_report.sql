select
    tenant.tenant_id,
    kept.kind as kept_data,
    kept.first_date,
    kept.last_date,
    kept.place,
    kept.row_count,
    kept.byte_count,
    kept.retention_class,
    kept.kept_until_at,
    kept.is_on_hold,
    kept.is_due
from {{ ref('int_retained_data') }} as kept
inner join {{ source('registry', 'tenants') }} as tenant on kept.tenant_no = tenant.tenant_no
