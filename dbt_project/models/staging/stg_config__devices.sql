-- A type that is not declared has the defaults of DESIGN section 6.
select
    registered.device_no,
    registered.tenant_no,
    config.device_id,
    config.tenant_id,
    config.device_type,
    config.property_id,
    config.meter_role,
    config.unit_id,
    config.activated_at::timestamptz as activated_at,
    config.retired_at::timestamptz as retired_at,
    coalesce(types.sequence_conflict_policy, 'quarantine') as sequence_conflict_policy,
    case when types.sequence_conflict_policy = 'new_epoch'
        then coalesce(types.sequence_reuse_window_seconds::numeric, {{ default_reuse_window_seconds() }})
            * interval '1 second' end as sequence_reuse_window,
    coalesce(types.max_clock_skew_seconds::numeric, 300) as max_clock_skew_seconds,
    types.register_max::numeric as register_max,
    types.max_use_per_hour::numeric as max_use_per_hour,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'devices') }} as config
inner join {{ source('registry', 'tenants') }} as tenants using (tenant_id)
inner join {{ source('registry', 'devices') }} as registered
    on tenants.tenant_no = registered.tenant_no and config.device_id = registered.device_id
left join {{ source('config', 'device_types') }} as types
    on config.device_type = types.device_type and types.valid_to_load is null
