{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- Sums over devices for every aggregation (RULES 29). The row without a metric is over all of them, counting a device
-- once (RULES 17); it is made only where a card asks for it.
with by_metric as (
    select
        tenant_no, period_no, invoice_version, metric_no,
        sum(quantity) as quantity, count(*) filter (where event_count > 0) as active_device_count,
        sum(event_count) as event_count,
        sum(estimated_quantity) as estimated_quantity,
        string_agg(distinct nullif(quality_flags, ''), ',') as flags,
        string_agg(distinct nullif(quality_flags, ''), ',') filter (where event_count > 0) as active_flags
    from {{ ref('int_rated_usage') }}
    group by tenant_no, period_no, invoice_version, metric_no
),

over_all_devices as (
    select
        usage.tenant_no, usage.period_no, usage.invoice_version, sum(usage.quantity) as quantity,
        sum(usage.event_count) as event_count, sum(usage.estimated_quantity) as estimated_quantity,
        string_agg(distinct nullif(usage.quality_flags, ''), ',') as flags
    from {{ ref('int_rated_usage') }} as usage
    inner join (
        select distinct tenant_no, period_no, invoice_version from {{ ref('int_period_prices') }} where metric is null
    ) as asked using (tenant_no, period_no, invoice_version)
    group by usage.tenant_no, usage.period_no, usage.invoice_version, usage.device_no
)

select
    fleet.tenant_no, fleet.period_no, fleet.invoice_version, registered.metric,
    fleet.quantity, fleet.active_device_count, fleet.event_count, fleet.estimated_quantity, fleet.flags,
    fleet.active_flags
from by_metric as fleet
inner join {{ source('registry', 'metrics') }} as registered on fleet.metric_no = registered.metric_no

union all

select
    tenant_no, period_no, invoice_version, null as metric,
    sum(quantity) as quantity, count(*) filter (where event_count > 0) as active_device_count,
    sum(event_count) as event_count,
    sum(estimated_quantity) as estimated_quantity,
    string_agg(distinct flags, ',') as flags,
    string_agg(distinct flags, ',') filter (where event_count > 0) as active_flags
from over_all_devices
group by tenant_no, period_no, invoice_version
