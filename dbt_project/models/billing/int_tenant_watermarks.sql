-- Up to when each tenant's region was received: what counts as due where a close names no instant.
select
    tenant.tenant_no,
    watermark.received_until_at
from {{ ref('stg_config__tenants') }} as tenant
inner join {{ ref('int_watermarks') }} as watermark on tenant.region = watermark.region
where tenant.valid_to_load is null
