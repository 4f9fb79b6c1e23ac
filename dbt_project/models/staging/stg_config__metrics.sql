select
    registered.metric_no,
    config.metric,
    config.unit,
    config.reading_type,
    config.aggregation,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'metrics') }} as config
inner join {{ source('registry', 'metrics') }} as registered using (metric)
