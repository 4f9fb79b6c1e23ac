-- depends_on: {{ ref('store_period_closes') }}
select
    period.tenant_id,
    period.period_id,
    usage.property_id,
    usage.unit_id,
    nullif(usage.occupancy_id, '') as occupancy_id,
    device.device_id,
    metric.metric,
    usage.source,
    usage.quantity,
    usage.estimated_quantity,
    usage.event_count,
    usage.invoice_version
from {{ source('store', 'closed_unit_usage') }} as usage
inner join (
    select tenant_no, period_no, max(invoice_version) as invoice_version
    from {{ source('store', 'period_closes') }}
    group by tenant_no, period_no
) as newest using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_named_periods') }} as period on usage.period_no = period.period_no
inner join {{ source('registry', 'devices') }} as device on usage.device_no = device.device_no
inner join {{ source('registry', 'metrics') }} as metric on usage.metric_no = metric.metric_no
