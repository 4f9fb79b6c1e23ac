-- Exchanges that were declared, or taken back, since the registers were last computed. Read from what was seen, not
-- from what was computed, so the same after a crash.
with latest as (
    select distinct on (device_no, metric_no, exchanged_at)
        tenant_no, device_no, metric_no, exchanged_at, is_declared
    from {{ source('store', 'seen_exchanges') }}
    order by device_no, metric_no, exchanged_at, seen_no desc
),

seen as (
    select tenant_no, device_no, metric_no, exchanged_at from latest where is_declared
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
    (seen.device_no is null) as is_declared
from seen
full join declared using (tenant_no, device_no, metric_no, exchanged_at)
where seen.device_no is null or declared.device_no is null
