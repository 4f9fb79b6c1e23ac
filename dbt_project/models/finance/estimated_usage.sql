-- depends_on: {{ ref('store_period_closes') }}
select
    period.tenant_id,
    period.period_id,
    device.device_id,
    metric.metric,
    estimate.bucket_start_at,
    estimate.quantity,
    estimate.method,
    estimate.invoice_version
from {{ ref('int_standing_estimates') }} as estimate
inner join {{ ref('int_named_periods') }} as period on estimate.period_no = period.period_no
inner join {{ source('registry', 'devices') }} as device on estimate.device_no = device.device_no
inner join {{ source('registry', 'metrics') }} as metric on estimate.metric_no = metric.metric_no
