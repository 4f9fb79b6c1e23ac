-- How much of the use that a close rates is estimated, of the metric where it is most. What is taken back of earlier
-- estimates may exceed what was used; then there is no share.
with metrics as (
    select
        tenant_no, period_no, metric_no,
        sum(quantity) as quantity,
        sum(estimated_quantity) as estimated_quantity,
        sum(quantity) < 0 and sum(quantity - estimated_quantity) >= 0 as is_overdrawn
    from {{ ref('int_rated_usage') }}
    group by tenant_no, period_no, metric_no
)

select
    tenant_no,
    period_no,
    max(estimated_quantity / nullif(quantity, 0)) filter (where not is_overdrawn) as greatest_estimated_ratio,
    count(*) filter (where is_overdrawn) as overdrawn_count
from metrics
group by tenant_no, period_no
