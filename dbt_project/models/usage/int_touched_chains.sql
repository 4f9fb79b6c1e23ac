{{ config(materialized='scratch', tags=['load']) }}

-- Chains of which readings came, went or changed, or an exchange was declared or taken back, and from when on.
select tenant_no, device_no, metric_no, min(touched_at) as recomputed_from_at
from (
    select tenant_no, device_no, metric_no, touched_at from {{ ref('int_register_changes') }}
    union all
    select tenant_no, device_no, metric_no, exchanged_at
    from {{ ref('int_exchange_changes') }}
    where {{ in_lane('tenant_no') }}
) as touched
group by tenant_no, device_no, metric_no
