-- Exchanges that were declared, or taken back, since the registers were last computed. Read from what was seen, not from
-- what was computed, so the same after a crash.
with seen as (
    select distinct on (device_no, metric_no, exchanged_at)
        tenant_no, device_no, metric_no, exchanged_at, is_declared
    from {{ source('store', 'seen_exchanges') }}
    order by device_no, metric_no, exchanged_at, seen_no desc
),

declared as (
    select tenant_no, device_no, metric_no, exchanged_at
    from {{ ref('stg_config__register_exchanges') }}
    where valid_to_load is null
)

select
    tenant_no,
    device_no,
    metric_no,
    exchanged_at,
    seen.is_declared is distinct from true as is_declared
from (
    select * from seen where is_declared
) as seen
full join declared using (tenant_no, device_no, metric_no, exchanged_at)
where seen.is_declared is null or declared.tenant_no is null
