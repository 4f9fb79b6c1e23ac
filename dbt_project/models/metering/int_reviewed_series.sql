{{ config(materialized='scratch', tags=['load']) }}

-- What a claimed configuration sees with other eyes: devices and metrics of the tenants that it concerns. Without such
-- a load there is nothing here, and nothing that was stored is read.
with changes as (
    select distinct tenant_no, device_no, metric_no
    from {{ source('ledger', 'configuration_changes') }}
    where {{ is_claimed('load_id') }} and {{ in_lane('tenant_no') }}
)

select distinct mark.tenant_no, mark.device_no, mark.metric_no
from changes
inner join {{ source('store', 'high_water') }} as mark
    on changes.tenant_no = mark.tenant_no
    and coalesce(changes.device_no, mark.device_no) = mark.device_no
    and coalesce(changes.metric_no, mark.metric_no) = mark.metric_no
