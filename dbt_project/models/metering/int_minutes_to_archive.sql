-- The minutes of the month that is being archived, by names.
select
    tenant.tenant_id,
    device.device_id,
    metric.metric,
    minute.bucket_start_at,
    period.period_id,
    minute.quantity,
    minute.event_count,
    minute.last_event_at,
    config.region
from {{ source('store', 'usage_minutes') }} as minute
inner join ({{ month_that_leaves() }}) as fold on minute.fold_no = fold.fold_no
inner join {{ source('registry', 'tenants') }} as tenant on minute.tenant_no = tenant.tenant_no
inner join {{ source('registry', 'devices') }} as device on minute.device_no = device.device_no
inner join {{ source('registry', 'metrics') }} as metric on minute.metric_no = metric.metric_no
inner join {{ ref('int_named_periods') }} as period on minute.period_no = period.period_no
inner join {{ ref('stg_config__tenants') }} as config
    on minute.tenant_no = config.tenant_no and config.valid_to_load is null
