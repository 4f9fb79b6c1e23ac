select
    property_id,
    unit_id,
    floor_area::numeric as floor_area,
    valid_from_load,
    valid_to_load
from {{ source('config', 'units') }}
