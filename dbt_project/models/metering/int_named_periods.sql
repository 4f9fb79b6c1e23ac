-- Billing periods under their published name.
select
    period.*,
    tenant.tenant_id,
    tenant.tenant_id || ':' || period.period_start_date::text as period_id
from {{ source('store', 'periods') }} as period
inner join {{ source('registry', 'tenants') }} as tenant on period.tenant_no = tenant.tenant_no
