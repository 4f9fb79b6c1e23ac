-- depends_on: {{ ref('store_received_hours_repeated') }}
select
    tenant.tenant_id,
    hour.hour_start_at,
    hour.message_count,
    hour.duplicate_count,
    {{ duplicate_ratio('hour') }} as duplicate_ratio
from {{ source('store', 'received_hours') }} as hour
inner join {{ source('registry', 'tenants') }} as tenant on hour.tenant_no = tenant.tenant_no
