-- depends_on: {{ ref('store_period_closes') }}
select
    period.tenant_id,
    period.period_id,
    flagged.invoice_version,
    device.device_id,
    metric.metric,
    flagged.flag,
    flagged.first_hour_at,
    flagged.last_hour_at,
    flagged.quantity,
    flagged.limit_value,
    {{ flag_remedy('flagged.flag') }} as remedy
from {{ source('store', 'closed_flags') }} as flagged
inner join {{ ref('int_named_periods') }} as period on flagged.period_no = period.period_no
inner join {{ source('registry', 'devices') }} as device on flagged.device_no = device.device_no
inner join {{ source('registry', 'metrics') }} as metric on flagged.metric_no = metric.metric_no
