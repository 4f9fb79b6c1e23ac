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
    kept.is_due,
    case kept.kind when 'events' then blocked.blocked_by else kept.blocked_by end as blocked_by
from {{ ref('int_retained_data') }} as kept
inner join {{ source('registry', 'tenants') }} as tenant on kept.tenant_no = tenant.tenant_no
left join {{ ref('int_blocked_months') }} as blocked on {{ utc_midnight('kept.first_date') }} = blocked.month_start_at
