{{ config(meta={'dagster': {'ref': {'name': 'usage_minutely'}}}) }}

-- After a month has left the event store its minutes still sum to its hours, wherever the minutes of all that left are
-- kept.
with complete as (
    select folded.tenant_no, folded.period_no
    from {{ source('store', 'folded_periods') }} as folded
    left join (
        select distinct tenant_no, period_no, fold_no from {{ source('store', 'usage_minutes') }}
    ) as kept using (tenant_no, period_no, fold_no)
    group by folded.tenant_no, folded.period_no
    having bool_and(kept.fold_no is not null)
),

minutes as (
    select tenant_no, device_no, metric_no, period_no, sum(quantity) as quantity, sum(event_count) as event_count
    from {{ ref('int_minute_totals') }}
    group by tenant_no, device_no, metric_no, period_no
),

hours as (
    select tenant_no, device_no, metric_no, period_no, sum(quantity) as quantity, sum(event_count) as event_count
    from {{ source('store', 'usage_hours') }}
    group by tenant_no, device_no, metric_no, period_no
)

select
    tenant_no, device_no, metric_no, period_no, hours.quantity, hours.event_count,
    minutes.quantity as minute_quantity, minutes.event_count as minute_event_count
from hours
full join minutes using (tenant_no, device_no, metric_no, period_no)
inner join complete using (tenant_no, period_no)
where
    metric_no in (
        select metric.metric_no from {{ ref('stg_config__metrics') }} as metric
        where metric.valid_to_load is null and {{ is_additive('metric.aggregation') }}
    )
    and (coalesce(hours.quantity, 0), coalesce(hours.event_count, 0))
    <> (coalesce(minutes.quantity, 0), coalesce(minutes.event_count, 0))
