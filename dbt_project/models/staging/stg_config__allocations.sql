select
    config.property_id,
    config.method,
    metrics.metric_no,
    charged.metric_no as charged_metric_no,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'allocations') }} as config
inner join {{ source('registry', 'metrics') }} as metrics using (metric)
inner join {{ source('registry', 'metrics') }} as charged
    on coalesce(config.charged_metric, config.metric) = charged.metric
