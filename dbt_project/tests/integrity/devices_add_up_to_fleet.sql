{{ config(meta={'dagster': {'ref': {'name': 'fleet_usage'}}}, tags=['audit']) }}

with devices as (
    select
        tenant_id, period_id, metric,
        sum(quantity) as quantity,
        sum(event_count) as event_count,
        sum(skew_candidate_count) as skew_candidate_count,
        count(distinct device_id) filter (where event_count > 0) as active_device_count
    from {{ ref('device_usage') }}
    group by tenant_id, period_id, metric
)

select devices.*, fleet.quantity as fleet_quantity
from devices
full join {{ ref('fleet_usage') }} as fleet using (tenant_id, period_id, metric)
where
    row(devices.quantity, devices.event_count, devices.skew_candidate_count, devices.active_device_count)
    is distinct from row(fleet.quantity, fleet.event_count, fleet.skew_candidate_count, fleet.active_device_count)
