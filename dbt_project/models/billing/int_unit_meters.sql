{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_property_periods)") }}

-- From when to when each meter of a property is read: for the time of the view, and further only where somebody moved
-- near enough that a reading may count use on both sides of the move.
with moved as (
    select distinct view.view_no, occupied.unit_id, {{ longest_shared_interval() }} as margin
    from {{ ref('int_property_views') }} as view
    inner join {{ ref('stg_config__occupancies') }} as occupied
        on view.property_id = occupied.property_id and {{ in_force('occupied', 'view.config_load_id') }}
    cross join lateral (values (occupied.starts_at), (occupied.ends_at)) as moves (moved_at)
    where
        moves.moved_at > view.month_start_at - {{ longest_shared_interval() }}
        and moves.moved_at < view.view_end_at + {{ longest_shared_interval() }}
)

select
    view.view_no, view.kind, view.close_id, view.config_load_id, view.last_load_id, view.recorded_at,
    device.tenant_no, device.device_no, device.device_id, device.property_id, device.unit_id, device.meter_role,
    types.register_max, types.max_use_per_hour, types.expected_interval_seconds,
    view.month_start_at - coalesce(moved.margin, interval '0') as read_from_at,
    view.view_end_at + coalesce(moved.margin, interval '0') as read_to_at
from {{ ref('int_property_views') }} as view
inner join {{ ref('stg_config__devices') }} as device
    on view.property_id = device.property_id
    and device.meter_role is not null
    and {{ in_force('device', 'view.config_load_id') }}
left join {{ ref('stg_config__device_types') }} as types
    on device.device_type = types.device_type and {{ in_force('types', 'view.config_load_id') }}
left join moved on view.view_no = moved.view_no and device.unit_id = moved.unit_id
