select
    from_field,
    to_field,
    tenant_id,
    path_pattern,
    valid_from_load,
    valid_to_load
from {{ source('config', 'field_mappings') }}
