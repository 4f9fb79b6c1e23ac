-- Use of a period from its days, by the metric's aggregation, and what its newest invoice estimates beside it; buckets
-- that lost all their events count for nothing.
with measured as (
    select
        usage.tenant_no,
        usage.period_no,
        usage.device_no,
        usage.metric_no,
        {{ aggregate_quantity('usage.quantity', 'metric.aggregation', 'usage.last_event_at') }} as quantity,
        sum(usage.event_count) as event_count,
        sum(usage.skew_candidate_count) as skew_candidate_count,
        min(usage.first_event_at) as first_event_at,
        max(usage.last_event_at) as last_event_at
    from {{ source('store', 'usage_days') }} as usage
    inner join {{ ref('stg_config__metrics') }} as metric
        on usage.metric_no = metric.metric_no and metric.valid_to_load is null
    where usage.event_count > 0
    group by usage.tenant_no, usage.period_no, usage.device_no, usage.metric_no, metric.aggregation
),

estimated as (
    select tenant_no, period_no, device_no, metric_no, sum(quantity) as quantity
    from {{ ref('int_standing_estimates') }}
    group by tenant_no, period_no, device_no, metric_no
)

select
    tenant_no,
    period_no,
    device_no,
    metric_no,
    {{ with_estimates('measured', 'estimated') }}::numeric(30, 10) as quantity,
    coalesce(measured.event_count, 0) as event_count,
    coalesce(measured.skew_candidate_count, 0) as skew_candidate_count,
    measured.first_event_at,
    measured.last_event_at,
    coalesce(estimated.quantity, 0)::numeric(30, 10) as estimated_quantity,
    {{ quality_flags('flagged.flags', 'estimated.quantity') }} as quality_flags
from measured
full join estimated using (tenant_no, period_no, device_no, metric_no)
left join {{ ref('int_standing_flags') }} as flagged using (tenant_no, period_no, device_no, metric_no)
