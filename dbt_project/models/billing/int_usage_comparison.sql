-- How the use that a close rates compares with the period before, per local day, and how it is spread over devices.
-- Fewer devices than a fleet say nothing about what is usual: their measures are empty.
with rated as (
    select
        tenant_no, period_no, metric_no,
        sum(quantity) as quantity, max(quantity) as largest_quantity,
        count(*) filter (where event_count > 0) as device_count
    from {{ ref('int_rated_usage') }}
    group by tenant_no, period_no, metric_no
),

before as (
    select
        due.tenant_no, due.period_no, closed.metric_no,
        sum(closed.quantity) as previous_quantity, count(*) as previous_device_count
    from {{ ref('int_due_periods') }} as due
    inner join {{ source('store', 'closed_usage') }} as closed
        on due.tenant_no = closed.tenant_no
        and due.previous_period_no = closed.period_no
        and due.previous_invoice_version = closed.invoice_version
    where closed.event_count > 0
    group by due.tenant_no, due.period_no, closed.metric_no
),

metrics as (
    select * from rated full join before using (tenant_no, period_no, metric_no)
)

select
    due.tenant_no,
    due.period_no,
    min(coalesce(metrics.device_count, 0)::numeric / metrics.previous_device_count)
        filter (where metrics.previous_device_count >= {{ devices_of_a_fleet() }}) as least_device_ratio,
    min(coalesce(metrics.quantity, 0) * due.previous_day_count / (metrics.previous_quantity * due.day_count))
        filter (where {{ is_comparable('metrics') }}) as least_use_ratio,
    max(coalesce(metrics.quantity, 0) * due.previous_day_count / (metrics.previous_quantity * due.day_count))
        filter (where {{ is_comparable('metrics') }}) as greatest_use_ratio,
    max(metrics.largest_quantity / nullif(metrics.quantity, 0))
        filter (where metrics.device_count >= {{ devices_of_a_fleet() }}) as largest_device_ratio
from metrics
inner join {{ ref('int_due_periods') }} as due using (tenant_no, period_no)
group by due.tenant_no, due.period_no
