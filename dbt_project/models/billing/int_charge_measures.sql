{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_period_prices where device_proration = 'day')"
) }}

-- What charges measure that is neither use nor a number of devices.
select
    price.tenant_no, price.period_no, price.invoice_version, price.charge_no,
    {{ prorated_devices('served') }}::numeric(30, 10) as quantity
from {{ ref('int_period_prices') }} as price
inner join {{ ref('int_device_days') }} as served using (tenant_no, period_no, invoice_version)
where
    price.device_proration = 'day'
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
group by price.tenant_no, price.period_no, price.invoice_version, price.charge_no
