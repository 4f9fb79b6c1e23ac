-- Whose periods and metrics lie in each month of the event store. Month by month, so that who asks for one reads no
-- other.
select
    month.month_start_at,
    content.tenant_no,
    content.period_no,
    content.metric_no,
    {{ is_register('metric') }} is true as is_register
from {{ source('store', 'months') }} as month
cross join lateral (
    select distinct state.tenant_no, state.period_no, state.metric_no
    from {{ ref('int_event_state') }} as state
    where state.stored_device_ts >= month.month_start_at and state.stored_device_ts < month.month_end_at
) as content
left join {{ ref('stg_config__metrics') }} as metric
    on content.metric_no = metric.metric_no and metric.valid_to_load is null
