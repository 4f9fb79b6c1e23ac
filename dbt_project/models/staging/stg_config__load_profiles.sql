select
    load_profile,
    day_type,
    local_hour::integer as local_hour,
    weight::numeric as weight,
    valid_from_load,
    valid_to_load
from {{ source('config', 'load_profiles') }}
