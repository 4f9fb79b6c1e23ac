{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_property_periods)") }}

-- Days are local days of the contract of the master meter; common use is carried from day to day within a calendar
-- month, so a view begins with one.
with views as (
    select distinct
        view_no, property_id, kind, close_id, config_load_id, last_load_id, recorded_at, view_start_at, view_end_at
    from {{ ref('int_property_periods') }}
),

zones as (
    select distinct on (view.view_no) view.view_no, contract.time_zone
    from views as view
    inner join {{ ref('stg_config__devices') }} as device
        on view.property_id = device.property_id
        and device.meter_role = 'master'
        and {{ in_force('device', 'view.config_load_id') }}
    inner join {{ ref('stg_config__contracts') }} as contract
        on device.tenant_no = contract.tenant_no
        and view.view_end_at > contract.starts_at
        and {{ in_force('contract', 'view.config_load_id') }}
    order by view.view_no, device.device_id collate "C", contract.starts_at desc
)

select
    view.*,
    zone.time_zone,
    {{ local_midnight(
        "date_trunc('month', (view.view_start_at at time zone zone.time_zone))::date", 'zone.time_zone'
    ) }} as month_start_at
from views as view
cross join lateral (
    select coalesce((select zones.time_zone from zones where zones.view_no = view.view_no), 'UTC') as time_zone
) as zone
