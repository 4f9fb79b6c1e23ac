select
    path_pattern,
    tenant_id,
    time_zone,
    valid_from_load,
    valid_to_load
from {{ source('config', 'sources') }}
