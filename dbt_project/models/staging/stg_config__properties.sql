select
    property_id,
    name,
    coalesce(tolerance_percent::numeric, {{ default_property_tolerance_percent() }}) as tolerance_percent,
    valid_from_load,
    valid_to_load
from {{ source('config', 'properties') }}
