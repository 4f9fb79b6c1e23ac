-- depends_on: {{ ref('store_usage_days_recomputed') }}
-- Sub-meters of several customers may stand behind one master meter: tenant and period are those of the master.
with masters as (
    select property_id, metric_no, min(tenant_no) as tenant_no
    from {{ ref('int_property_meters') }}
    where meter_role = 'master'
    group by property_id, metric_no
),

days as (
    select distinct meter.property_id, meter.metric_no, usage.bucket_start_at
    from {{ ref('int_property_meters') }} as meter
    inner join {{ source('store', 'usage_days') }} as usage
        on meter.tenant_no = usage.tenant_no
        and meter.device_no = usage.device_no
        and meter.metric_no = usage.metric_no
    where usage.event_count > 0
)

select
    days.property_id,
    metric.metric,
    {{ local_date('days.bucket_start_at', 'period.time_zone') }} as local_date,
    days.bucket_start_at as day_start_at,
    period.tenant_id,
    period.period_id,
    meters.master_quantity,
    meters.sub_quantity,
    meters.master_quantity - meters.sub_quantity as difference_quantity,
    round(meters.sub_quantity / nullif(meters.master_quantity, 0), 6) as sub_ratio,
    meters.tolerance_percent,
    {{ is_within_tolerance('meters.master_quantity', 'meters.sub_quantity', 'meters.tolerance_percent') }}
        as is_within_tolerance,
    meters.sub_meter_count,
    meters.missing_device_count,
    meters.missing_devices
from days
inner join masters on days.property_id = masters.property_id and days.metric_no = masters.metric_no
inner join {{ ref('int_named_periods') }} as period
    on masters.tenant_no = period.tenant_no
    and days.bucket_start_at >= period.period_start_at
    and days.bucket_start_at < period.period_end_at
inner join {{ source('registry', 'metrics') }} as metric on days.metric_no = metric.metric_no
cross join lateral (
    select
        sum(used.quantity) filter (where meter.meter_role = 'master') as master_quantity,
        coalesce(sum(used.quantity) filter (where meter.meter_role = 'sub'), 0) as sub_quantity,
        count(*) filter (where meter.meter_role = 'sub') as sub_meter_count,
        count(*) filter (where used.quantity is null) as missing_device_count,
        string_agg(meter.tenant_id || '/' || meter.device_id, ' ' order by meter.tenant_id, meter.device_id)
            filter (where used.quantity is null) as missing_devices,
        max(meter.tolerance_percent) as tolerance_percent
    from {{ ref('int_property_meters') }} as meter
    left join lateral (
        select sum(usage.quantity) as quantity
        from {{ source('store', 'usage_days') }} as usage
        where
            usage.tenant_no = meter.tenant_no
            and usage.device_no = meter.device_no
            and usage.metric_no = meter.metric_no
            and usage.bucket_start_at = days.bucket_start_at
            and usage.event_count > 0
    ) as used on true
    where
        meter.property_id = days.property_id
        and meter.metric_no = days.metric_no
        and meter.activated_at <= days.bucket_start_at
        and meter.retired_at > days.bucket_start_at
) as meters
