-- The sum over devices for every aggregation (RULES 29): a fleet's peak is the sum of its devices' peaks.
select
    tenant_id,
    period_id,
    metric,
    sum(quantity) as quantity,
    sum(event_count)::bigint as event_count,
    count(*) filter (where event_count > 0) as active_device_count,
    sum(skew_candidate_count)::bigint as skew_candidate_count,
    sum(estimated_quantity) as estimated_quantity
from {{ ref('device_usage') }}
group by tenant_id, period_id, metric
