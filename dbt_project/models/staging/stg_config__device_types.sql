select
    device_type,
    expected_interval_seconds::numeric as expected_interval_seconds,
    register_max::numeric as register_max,
    max_use_per_hour::numeric as max_use_per_hour,
    valid_from_load,
    valid_to_load
from {{ source('config', 'device_types') }}
