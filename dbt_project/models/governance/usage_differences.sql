-- Nothing here means: the sum over events is the sum over minutes, hours, days and the period, for every device.
with events as (
    select
        event.tenant_no, event.device_no, event.metric_no, event.period_no,
        sum(case when metric.aggregation = 'count' then 1 else event.quantity end) as quantity,
        count(*) as event_count
    from {{ ref('int_event_state') }} as event
    inner join {{ ref('stg_config__metrics') }} as metric
        on event.metric_no = metric.metric_no and metric.valid_to_load is null
    where {{ is_billed('event.disposition') }} and {{ is_additive('metric.aggregation') }}
    group by 1, 2, 3, 4
),

buckets as (
    {% for grain, relation in [
        ('minutes', ref('int_usage_minutes')), ('hours', source('store', 'usage_hours')),
        ('days', source('store', 'usage_days'))
    ] -%}
    select
        '{{ grain }}' as grain, tenant_no, device_no, metric_no, period_no,
        sum(quantity) as quantity, sum(event_count) as event_count
    from {{ relation }}
    group by 2, 3, 4, 5
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

grains as (
    select * from (values ('minutes'), ('hours'), ('days')) as listed (grain)
),

expected as (
    select grains.grain, events.* from events cross join grains
),

compared as (
    select
        coalesce(expected.grain, buckets.grain) as grain,
        coalesce(expected.device_no, buckets.device_no) as device_no,
        coalesce(expected.metric_no, buckets.metric_no) as metric_no,
        coalesce(expected.period_no, buckets.period_no) as period_no,
        coalesce(expected.quantity, 0) as event_quantity,
        coalesce(buckets.quantity, 0) as bucket_quantity,
        coalesce(expected.event_count, 0) as event_count,
        coalesce(buckets.event_count, 0) as bucket_count
    from expected
    full join buckets using (grain, tenant_no, device_no, metric_no, period_no)
)

select
    period.period_id,
    device.device_id,
    metric.metric,
    compared.grain,
    compared.event_quantity,
    compared.bucket_quantity,
    format(
        '%s, %s, %s: %s from the events, %s from the %s', period.period_id, device.device_id, metric.metric,
        compared.event_quantity, compared.bucket_quantity, compared.grain
    ) as problem
from compared
inner join {{ source('registry', 'metrics') }} as metric on compared.metric_no = metric.metric_no
inner join {{ source('registry', 'devices') }} as device on compared.device_no = device.device_no
inner join {{ ref('int_named_periods') }} as period on compared.period_no = period.period_no
inner join {{ ref('stg_config__metrics') }} as declared
    on compared.metric_no = declared.metric_no and declared.valid_to_load is null
where
    {{ is_additive('declared.aggregation') }}
    and (compared.event_quantity, compared.event_count) <> (compared.bucket_quantity, compared.bucket_count)
