{{ config(materialized='scratch', tags=['close']) }}

-- Hours of earlier periods of which readings came so late that the period to rate bills them: the first of those that
-- do. To close from the hours, to verify from the events as the close found them.
with deferred as (
    select
        period.tenant_no, period.period_no, period.invoice_version, period.config_load_id, period.period_start_at,
        hour.device_no, hour.metric_no, hour.bucket_start_at, hour.period_no as billed_period_no
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ source('store', 'usage_days') }} as day
        on period.tenant_no = day.tenant_no
        and period.period_no = day.period_no
        and period.period_start_at > day.bucket_start_at
    inner join {{ source('store', 'usage_hours') }} as hour
        on day.tenant_no = hour.tenant_no
        and day.device_no = hour.device_no
        and day.metric_no = hour.metric_no
        and hour.bucket_start_at between day.first_event_at - interval '1 hour' and day.last_event_at
    where {{ reads_current('period.kind') }} and day.event_count > 0 and hour.event_count > 0

    union all

    select
        event.tenant_no, event.closed_period_no, event.invoice_version, event.config_load_id, rated.period_start_at,
        event.device_no, event.metric_no, {{ hour_of('event.event_at') }} as bucket_start_at, event.period_no
    from (
        {{ events_as_of_close("states.disposition = 'd' and closed.period_start_at > states.event_at") }}
    ) as event
    inner join {{ ref('int_periods_to_rate') }} as rated
        on event.tenant_no = rated.tenant_no
        and event.closed_period_no = rated.period_no
        and event.invoice_version = rated.invoice_version
)

select
    deferred.tenant_no, deferred.period_no, deferred.invoice_version, deferred.device_no, deferred.metric_no,
    measured_in.period_no as measured_period_no, deferred.bucket_start_at
from deferred
inner join {{ source('store', 'periods') }} as measured_in
    on deferred.tenant_no = measured_in.tenant_no
    and deferred.bucket_start_at >= measured_in.period_start_at
    and deferred.bucket_start_at + interval '1 hour' <= measured_in.period_end_at
inner join {{ source('store', 'periods') }} as billed_in on deferred.billed_period_no = billed_in.period_no
inner join {{ ref('stg_config__metrics') }} as metric
    on deferred.metric_no = metric.metric_no and {{ in_force('metric', 'deferred.config_load_id') }}
where
    {{ is_estimated_by_hour('metric') }}
    and billed_in.period_start_at > measured_in.period_start_at
group by
    deferred.tenant_no, deferred.period_no, deferred.invoice_version, deferred.device_no, deferred.metric_no,
    measured_in.period_no, deferred.bucket_start_at
having (array_agg(deferred.billed_period_no order by billed_in.period_start_at))[1] = deferred.period_no
