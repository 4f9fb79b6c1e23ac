-- depends_on: {{ ref('store_usage_days_recomputed') }}
-- Sub-meters of several customers may stand behind one master meter: tenant and period are those of the master.
with masters as (
    select property_id, metric_no, min(tenant_no) as tenant_no
    from {{ ref('int_property_meters') }}
    where meter_role = 'master'
    group by property_id, metric_no
),

{%- if is_spread() %}

used as (
    select
        meter.property_id, meter.tenant_no, meter.device_no, meter.metric_no, usage.bucket_start_at,
        sum(usage.quantity) as quantity
    from {{ ref('int_property_meters') }} as meter
    inner join {{ source('store', 'usage_days') }} as usage
        on meter.tenant_no = usage.tenant_no
        and meter.device_no = usage.device_no
        and meter.metric_no = usage.metric_no
    where usage.event_count > 0
    group by meter.property_id, meter.tenant_no, meter.device_no, meter.metric_no, usage.bucket_start_at
),

-- All meters of a property on each day on which one of them counted.
days as (
    select
        day.property_id,
        day.metric_no,
        day.bucket_start_at,
        {{ property_totals() }}
    from (select distinct counted.property_id, counted.metric_no, counted.bucket_start_at from used as counted) as day
    left join {{ ref('int_property_meters') }} as meter
        on day.property_id = meter.property_id
        and day.metric_no = meter.metric_no
        and day.bucket_start_at >= meter.activated_at
        and day.bucket_start_at < meter.retired_at
    left join used
        on meter.property_id = used.property_id
        and meter.tenant_no = used.tenant_no
        and meter.device_no = used.device_no
        and meter.metric_no = used.metric_no
        and day.bucket_start_at = used.bucket_start_at
    group by day.property_id, day.metric_no, day.bucket_start_at
)

{%- else %}

measured_days as (
    select distinct meter.property_id, meter.metric_no, usage.bucket_start_at
    from {{ ref('int_property_meters') }} as meter
    inner join {{ source('store', 'usage_days') }} as usage
        on meter.tenant_no = usage.tenant_no
        and meter.device_no = usage.device_no
        and meter.metric_no = usage.metric_no
    where usage.event_count > 0
),

-- Day by day, so that a page of a few days reads no others.
days as (
    select measured.*, meters.*
    from measured_days as measured
    cross join lateral (
        select
            {{ property_totals() }}
        from {{ ref('int_property_meters') }} as meter
        left join lateral (
            select sum(usage.quantity) as quantity
            from {{ source('store', 'usage_days') }} as usage
            where
                usage.tenant_no = meter.tenant_no
                and usage.device_no = meter.device_no
                and usage.metric_no = meter.metric_no
                and usage.bucket_start_at = measured.bucket_start_at
                and usage.event_count > 0
        ) as used on true
        where
            meter.property_id = measured.property_id
            and meter.metric_no = measured.metric_no
            and meter.activated_at <= measured.bucket_start_at
            and meter.retired_at > measured.bucket_start_at
    ) as meters
)

{%- endif %}

select
    days.property_id,
    metric.metric,
    {{ local_date('days.bucket_start_at', 'period.time_zone') }} as local_date,
    days.bucket_start_at as day_start_at,
    period.tenant_id,
    period.period_id,
    days.master_quantity,
    days.sub_quantity,
    days.master_quantity - days.sub_quantity as difference_quantity,
    round(days.sub_quantity / nullif(days.master_quantity, 0), 6) as sub_ratio,
    days.tolerance_percent,
    {{ is_within_tolerance('days.master_quantity', 'days.sub_quantity', 'days.tolerance_percent') }}
        as is_within_tolerance,
    days.sub_meter_count,
    days.missing_device_count,
    days.missing_devices
from days
inner join masters on days.property_id = masters.property_id and days.metric_no = masters.metric_no
inner join {{ ref('int_named_periods') }} as period
    on masters.tenant_no = period.tenant_no
    and days.bucket_start_at >= period.period_start_at
    and days.bucket_start_at < period.period_end_at
inner join {{ source('registry', 'metrics') }} as metric on days.metric_no = metric.metric_no
