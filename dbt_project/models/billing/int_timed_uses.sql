{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_over_events(),
    only_when="exists (select 1 from billing.int_timed_charges)"
) }}

-- The use of a metric over all devices by slot of time, for the charges that ask when it was. To close from the hours,
-- from events only where slots are shorter; to verify from the events as the close found them; what was estimated is
-- spread evenly over its hour. What is shared in a property has slots of its own. Of a folded period nothing is
-- computed again (see int_charge_intervals).
with asked as (
    select distinct period.*, charge.metric_no, charge.slot_minutes, charge.is_register, charge.is_counted
    from {{ ref('int_timed_charges') }} as charge
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    where period.kind <> 'verify' or not {{ is_folded('period') }}
),

series as (
    select asked.*, usage.device_no, usage.first_event_at, usage.last_event_at
    from asked
    inner join {{ ref('int_rated_usage') }} as usage using (tenant_no, period_no, invoice_version, metric_no)
    where usage.event_count > 0 and not {{ is_shared('usage') }}
),

uses as (
    select
        tenant_no, period_no, invoice_version, metric_no, series.slot_minutes, hour.bucket_start_at as slot_at,
        hour.quantity, 0 as estimated_quantity
    from series
    inner join {{ source('store', 'usage_hours') }} as hour using (tenant_no, device_no, metric_no, period_no)
    where
        series.kind not in ('verify', 'reconcile')
        and series.slot_minutes = 60 and hour.event_count > 0
        and hour.bucket_start_at between {{ hour_of('series.first_event_at') }} and series.last_event_at

    union all

    select
        tenant_no, period_no, invoice_version, metric_no, series.slot_minutes,
        {{ slot_of('event.event_at', 'series.slot_minutes') }},
        case when series.is_counted then 1 else event.quantity end, 0
    from series
    inner join {{ ref('int_metered_events') }} as event using (tenant_no, device_no, metric_no, period_no)
    where
        series.kind not in ('verify', 'reconcile')
        and series.slot_minutes < 60
        and not series.is_register
        and event.event_at between series.first_event_at and series.last_event_at

    union all

    select
        tenant_no, period_no, invoice_version, metric_no, series.slot_minutes,
        {{ slot_of('read.event_at', 'series.slot_minutes') }}, read.quantity, 0
    from series
    inner join {{ source('store', 'register_uses') }} as read using (tenant_no, device_no, metric_no, period_no)
    where series.is_register and (series.kind = 'reconcile' or (series.kind <> 'verify' and series.slot_minutes < 60))

    union all

    select
        tenant_no, period_no, invoice_version, metric_no, asked.slot_minutes,
        {{ slot_of('event.event_at', 'asked.slot_minutes') }},
        case when asked.is_counted then 1 else event.quantity end, 0
    from asked
    inner join {{ ref('int_timed_events') }} as event using (tenant_no, period_no, invoice_version, metric_no)

    union all

    select
        tenant_no, period_no, invoice_version, metric_no, asked.slot_minutes,
        estimate.bucket_start_at + slot.slot * asked.slot_minutes * interval '1 minute',
        {{ slot_share('estimate.quantity', 'slot.slot', 'asked.slot_minutes') }},
        {{ slot_share('estimate.quantity', 'slot.slot', 'asked.slot_minutes') }}
    from asked
    inner join {{ ref('int_timed_estimates') }} as estimate using (tenant_no, period_no, invoice_version, metric_no)
    cross join lateral generate_series(0, 60 / asked.slot_minutes - 1) as slot (slot)

    union all

    select
        tenant_no, period_no, invoice_version, metric_no, slot_minutes, slot_at, quantity, estimated_quantity
    from {{ ref('int_unit_slots') }}
)

select
    tenant_no, period_no, invoice_version, metric_no, slot_minutes, slot_at,
    sum(quantity)::numeric(30, 10) as quantity,
    sum(estimated_quantity)::numeric(30, 10) as estimated_quantity
from uses
group by tenant_no, period_no, invoice_version, metric_no, slot_minutes, slot_at
