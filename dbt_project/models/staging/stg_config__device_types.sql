select
    device_type,
    expected_interval_seconds::numeric as expected_interval_seconds,
    register_max::numeric as register_max,
    max_use_per_hour::numeric as max_use_per_hour,
    min_use_per_hour::numeric as min_use_per_hour,
    spike_factor::numeric as spike_factor,
    stuck_after_hours::integer as stuck_after_hours,
    valid_from_load,
    valid_to_load
from {{ source('config', 'device_types') }}
