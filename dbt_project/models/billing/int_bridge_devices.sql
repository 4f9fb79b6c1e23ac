{{ config(materialized='scratch', tags=['explain'], pre_hook=joins_of_whole_sets()) }}

-- How much of a swap's change of use is whose: the weight of a device is what its own use changed by.
with used as (
    select
        usage.tenant_no, usage.period_no, usage.invoice_version as variant_no, usage.device_no, charged.metric,
        sum(usage.quantity) as quantity, (sum(usage.event_count) > 0)::integer::numeric as activity
    from {{ ref('int_bridge_usage') }} as usage
    inner join {{ source('registry', 'metrics') }} as metric on usage.metric_no = metric.metric_no
    cross join lateral (values (metric.metric), (null)) as charged (metric)
    group by usage.tenant_no, usage.period_no, usage.invoice_version, usage.device_no, charged.metric
),

every as (
    select devices.*, variant.variant_no, coalesce(used.quantity, 0) as quantity, coalesce(used.activity, 0) as activity
    from (select distinct seen.tenant_no, seen.period_no, seen.device_no, seen.metric from used as seen) as devices
    cross join {{ bridge_variants() }} as variant (variant_no)
    left join used
        on devices.tenant_no = used.tenant_no
        and devices.period_no = used.period_no
        and devices.device_no = used.device_no
        and devices.metric is not distinct from used.metric
        and variant.variant_no = used.variant_no
)

select tenant_no, period_no, variant_no, device_no, metric, charge_basis, abs(moved) as weight
from (
    select
        every.tenant_no, every.period_no, every.variant_no, every.device_no, every.metric, counted.charge_basis,
        counted.amount - lag(counted.amount) over (
            partition by every.tenant_no, every.period_no, every.device_no, every.metric, counted.charge_basis
            order by every.variant_no
        ) as moved
    from every
    cross join lateral (values ('usage', every.quantity), ('active_devices', every.activity))
        as counted (charge_basis, amount)
) as changes
where moved <> 0
