{{ config(meta={'dagster': {'ref': {'name': 'billing_events'}}}, tags=['audit']) }}

-- Every billed event is in the use of exactly one period, whatever the aggregation.
with events as (
    select tenant_id, period_id, device_id, metric, count(*) as event_count
    from {{ ref('billing_events') }}
    group by tenant_id, period_id, device_id, metric
)

select tenant_id, period_id, device_id, metric, events.event_count, usage.event_count as usage_count
from events
full join {{ ref('device_usage') }} as usage using (tenant_id, period_id, device_id, metric)
where
    coalesce(events.event_count, 0) <> coalesce(usage.event_count, 0)
    and period_id not in (
        select period.period_id from {{ ref('int_named_periods') }} as period where {{ is_folded('period') }}
    )
