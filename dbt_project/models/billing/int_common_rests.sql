{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_timed_charges) and exists (select 1 from billing.int_property_periods)"
) }}

-- When that of the common use was which stays with the tenant of the master meter: what it counted in a slot less
-- sub-meters and less the shares of others. Meters are not read together, so a slot can have too much for what another
-- has too little; a day's slots are set off against each other, so that nothing is billed that the day does not have.
with common as (
    select distinct
        shared.tenant_no, shared.period_no, shared.invoice_version, shared.device_no, shared.metric_no,
        shared.property_id, charge.slot_minutes, period.period_start_at, period.period_end_at, view.view_no,
        view.time_zone
    from {{ ref('int_common_usage') }} as shared
    inner join {{ ref('int_timed_charges') }} as charge using (tenant_no, period_no, invoice_version, metric_no)
    inner join {{ ref('int_property_periods') }} as period
        using (tenant_no, period_no, invoice_version, property_id)
    inner join {{ ref('int_property_views') }} as view on period.view_no = view.view_no
    where shared.occupancy_id = ''
),

counted as (
    select
        common.*,
        {{ local_date('reading.event_at', 'common.time_zone') }} as used_date,
        {{ slot_of('reading.event_at', 'common.slot_minutes') }} as slot_at,
        case reading.meter_role when 'sub' then -reading.quantity else reading.quantity end as quantity
    from common
    inner join {{ ref('int_unit_readings') }} as reading
        on common.view_no = reading.view_no
        and common.metric_no = reading.metric_no
        and reading.event_at >= common.period_start_at
        and reading.event_at < common.period_end_at
    where reading.device_no = common.device_no or reading.meter_role = 'sub'

    union all

    select common.*, share.local_date, share.slot_at, -share.quantity
    from common
    inner join {{ ref('int_common_slots') }} as share
        on common.view_no = share.view_no
        and common.metric_no = share.metric_no
        and common.slot_minutes = share.slot_minutes
    where {{ ends_within('share.day_end_at', 'common.period_start_at', 'common.period_end_at') }}
),

slots as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes, property_id, used_date, slot_at,
        sum(quantity) as quantity,
        sum(sum(quantity)) over (
            partition by tenant_no, period_no, invoice_version, metric_no, slot_minutes, property_id, used_date
        ) as day_quantity
    from counted
    group by
        tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes, property_id, used_date, slot_at
),

weighed as (
    select
        *,
        sum(quantity) over (
            partition by tenant_no, period_no, invoice_version, metric_no, slot_minutes, property_id, used_date
            order by slot_at
        ) as until_slot,
        sum(quantity) over (
            partition by tenant_no, period_no, invoice_version, metric_no, slot_minutes, property_id, used_date
        ) as total
    from slots
    where sign(quantity) = sign(day_quantity)
)

-- Differences of rounded running shares, so that the slots of a day are the day.
select
    tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes, property_id, used_date, slot_at,
    (
        round(day_quantity * until_slot / total, 10) - round(day_quantity * (until_slot - quantity) / total, 10)
    )::numeric(30, 10) as quantity
from weighed
where day_quantity <> 0
