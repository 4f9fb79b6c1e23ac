select
    device_type,
    expected_interval_seconds::numeric as expected_interval_seconds,
    valid_from_load,
    valid_to_load
from {{ source('config', 'device_types') }}
