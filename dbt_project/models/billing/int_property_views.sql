{{ config(materialized='scratch', tags=['close']) }}

-- Days are local days of the contract of the master meter; common use is carried from day to day within a calendar
-- month, so a view begins with one.
select
    view.*,
    {{ local_midnight(
        "date_trunc('month', (view.view_start_at at time zone view.time_zone))::date", 'view.time_zone'
    ) }} as month_start_at
from (
    select distinct
        period.view_no, period.property_id, period.kind, period.close_id, period.config_load_id, period.last_load_id,
        period.recorded_at, period.view_start_at, period.view_end_at,
        coalesce((
            select contract.time_zone
            from {{ ref('stg_config__devices') }} as device
            inner join {{ ref('stg_config__contracts') }} as contract
                on device.tenant_no = contract.tenant_no
                and contract.starts_at < period.view_end_at
                and {{ in_force('contract', 'period.config_load_id') }}
            where
                device.property_id = period.property_id
                and device.meter_role = 'master'
                and {{ in_force('device', 'period.config_load_id') }}
            order by device.device_id collate "C", contract.starts_at desc
            limit 1
        ), 'UTC') as time_zone
    from {{ ref('int_property_periods') }} as period
) as view
