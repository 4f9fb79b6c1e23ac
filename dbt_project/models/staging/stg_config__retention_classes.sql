select
    config.retention_class,
    config.raw_days::integer as raw_days,
    config.event_days::integer as event_days,
    config.minute_days::integer as minute_days,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'retention_classes') }} as config
