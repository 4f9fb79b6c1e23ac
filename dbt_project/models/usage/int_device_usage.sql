-- Use of a period from its days, by the metric's aggregation; buckets that lost all their events count for nothing.
select
    usage.tenant_no,
    usage.period_no,
    usage.device_no,
    usage.metric_no,
    {{ aggregate_quantity('usage.quantity', 'metric.aggregation', 'usage.last_event_at') }} as quantity,
    sum(usage.event_count) as event_count,
    sum(usage.skew_candidate_count) as skew_candidate_count,
    min(usage.first_event_at) as first_event_at,
    max(usage.last_event_at) as last_event_at,
    sum(usage.estimated_quantity) as estimated_quantity
from {{ source('store', 'usage_days') }} as usage
inner join {{ ref('stg_config__metrics') }} as metric
    on usage.metric_no = metric.metric_no and metric.valid_to_load is null
where usage.event_count > 0
group by usage.tenant_no, usage.period_no, usage.device_no, usage.metric_no, metric.aggregation
