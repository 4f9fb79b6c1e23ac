{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_timed_charges) and exists (select 1 from billing.int_property_periods)"
) }}

-- When what int_unit_usage says was used, for the charges that ask: a reading's use when it was read, what an occupant
-- used before he moved at the latest then, of what is common his part of each slot. The rest is the landlord's.
with asked as (
    select distinct
        period.view_no, period.property_id, period.period_start_at, period.period_end_at,
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.metric_no, charge.slot_minutes
    from {{ ref('int_timed_charges') }} as charge
    inner join {{ ref('int_property_periods') }} as period using (tenant_no, period_no, invoice_version)
    where charge.kind <> 'verify' or not {{ is_folded('charge') }}
),

paid as (
    select reading_no, sum(quantity) as quantity
    from {{ ref('int_occupied_uses') }}
    group by reading_no
),

uses as (
    select asked.*, part.device_no, part.counted_at as used_at, part.quantity, part.estimated_quantity
    from asked
    inner join {{ ref('int_occupied_uses') }} as part using (view_no, tenant_no, metric_no)
    where part.counted_at >= asked.period_start_at and part.counted_at < asked.period_end_at

    union all

    select
        asked.*, reading.device_no, reading.event_at, reading.quantity - coalesce(paid.quantity, 0),
        case when paid.quantity not in (0, reading.quantity) then reading.quantity - paid.quantity else 0 end
    from asked
    inner join {{ ref('int_unit_readings') }} as reading using (view_no, tenant_no, metric_no)
    left join paid on reading.reading_no = paid.reading_no
    where
        reading.unit_id is not null
        and reading.event_at >= asked.period_start_at
        and reading.event_at < asked.period_end_at

    union all

    select asked.*, common.device_no, share.slot_at, share.quantity, 0
    from asked
    inner join {{ ref('int_common_usage') }} as common
        using (tenant_no, period_no, invoice_version, metric_no, property_id)
    inner join {{ ref('int_common_slots') }} as share
        on asked.view_no = share.view_no
        and asked.metric_no = share.charged_metric_no
        and asked.slot_minutes = share.slot_minutes
        and common.unit_id = share.unit_id
        and common.occupancy_id = share.occupancy_id
    where {{ ends_within('share.day_end_at', 'asked.period_start_at', 'asked.period_end_at') }}

    union all

    select asked.*, rest.device_no, rest.slot_at, rest.quantity, 0
    from asked
    inner join {{ ref('int_common_rests') }} as rest
        using (tenant_no, period_no, invoice_version, metric_no, slot_minutes, property_id)
)

select
    tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes,
    {{ slot_of('used_at', 'slot_minutes') }} as slot_at,
    sum(quantity)::numeric(30, 10) as quantity,
    sum(estimated_quantity)::numeric(30, 10) as estimated_quantity
from uses
group by tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes, slot_at
