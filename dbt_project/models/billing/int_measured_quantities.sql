{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_period_prices as price where " ~ is_measured_apart('price') ~ ")"
) }}

-- What charges measure that is neither use nor a number of devices: devices by time in service, whole hours of silence,
-- levels by the time for which they stood, different values that messages carry.
with metric_prices as (
    select price.*, metric.metric_no
    from {{ ref('int_period_prices') }} as price
    inner join {{ source('registry', 'metrics') }} as metric on price.metric = metric.metric
)

select
    price.tenant_no, price.period_no, price.invoice_version, price.charge_no,
    {{ prorated_devices('served', 'price') }} as quantity
from {{ ref('int_period_prices') }} as price
inner join {{ ref('int_device_days') }} as served using (tenant_no, period_no, invoice_version)
where
    {{ is_device_prorated('price') }}
    and exists (
        select 1
        from {{ ref('int_rated_usage') }} as usage
        left join {{ source('registry', 'metrics') }} as metric on usage.metric_no = metric.metric_no
        where
            usage.tenant_no = price.tenant_no
            and usage.period_no = price.period_no
            and usage.invoice_version = price.invoice_version
            and usage.device_no = served.device_no
            and usage.event_count > 0
            and (price.metric is null or metric.metric = price.metric)
    )
group by price.tenant_no, price.period_no, price.invoice_version, price.charge_no, price.device_proration

union all

select tenant_no, period_no, invoice_version, price.charge_no, sum(offline.hour_count)
from {{ ref('int_period_prices') }} as price
inner join {{ ref('int_offline_hours') }} as offline using (tenant_no, period_no, invoice_version)
where price.charge_basis = 'offline_hours'
group by tenant_no, period_no, invoice_version, price.charge_no

union all

select
    tenant_no, period_no, invoice_version, price.charge_no,
    sum({{ weighed_level('level.level_seconds', 'price.weighting', 'period') }})
from metric_prices as price
inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_level_times') }} as level using (tenant_no, period_no, invoice_version, metric_no)
where price.charge_basis = 'time_weighted'
group by tenant_no, period_no, invoice_version, price.charge_no

union all

select
    tenant_no, period_no, invoice_version, price.charge_no,
    count(distinct nullif(traits.attributes ->> price.attribute, ''))
from metric_prices as price
inner join {{ ref('int_charge_events') }} as event using (tenant_no, period_no, invoice_version, metric_no)
inner join {{ source('registry', 'traits') }} as traits on event.traits_no = traits.traits_no
where price.charge_basis = 'distinct_values'
group by tenant_no, period_no, invoice_version, price.charge_no
