select
    registered.metric_no,
    config.metric,
    config.unit,
    config.factor::numeric as factor,
    coalesce(config.offset_quantity::numeric, 0) as offset_quantity,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'unit_conversions') }} as config
inner join {{ source('registry', 'metrics') }} as registered using (metric)
