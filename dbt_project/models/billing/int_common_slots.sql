{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_timed_charges) and exists (select 1 from billing.int_property_periods)"
) }}

-- When an occupant's part of a day's common use was: spread over the day's slots as what the masters counted more than
-- the sub-meters was. A slot in which they counted less has nothing; a day that is shared has more than nothing in all.
with days as (
    select distinct
        day.view_no, day.metric_no, day.local_date, day.day_start_at, day.day_end_at, charge.slot_minutes
    from {{ ref('int_common_days') }} as day
    inner join {{ ref('int_property_periods') }} as period on day.view_no = period.view_no
    inner join {{ ref('int_timed_charges') }} as charge
        on period.tenant_no = charge.tenant_no
        and period.period_no = charge.period_no
        and period.invoice_version = charge.invoice_version
        and charge.metric_no in (day.metric_no, day.charged_metric_no)
    where day.allocated_quantity > 0
),

counted as (
    select
        day.view_no, day.metric_no, day.local_date, day.slot_minutes,
        {{ slot_of('reading.event_at', 'day.slot_minutes') }} as slot_at,
        sum(case reading.meter_role when 'master' then reading.quantity else -reading.quantity end) as quantity
    from days as day
    inner join {{ ref('int_unit_readings') }} as reading
        on day.view_no = reading.view_no
        and day.metric_no = reading.metric_no
        and reading.event_at >= day.day_start_at
        and reading.event_at < day.day_end_at
    group by day.view_no, day.metric_no, day.local_date, day.slot_minutes, slot_at
),

weighed as (
    select
        *,
        sum(quantity) over (partition by view_no, metric_no, local_date, slot_minutes order by slot_at) as until_slot,
        sum(quantity) over (partition by view_no, metric_no, local_date, slot_minutes) as total
    from counted
    where quantity > 0
)

-- Differences of rounded running shares, so that the slots of a share are the share.
select
    share.view_no, share.metric_no, share.charged_metric_no, share.local_date, share.day_end_at, share.unit_id,
    share.occupancy_id, slot.slot_minutes, slot.slot_at,
    (
        round(share.quantity * slot.until_slot / slot.total, 10)
        - round(share.quantity * (slot.until_slot - slot.quantity) / slot.total, 10)
    )::numeric(30, 10) as quantity
from {{ ref('int_common_shares') }} as share
inner join weighed as slot
    on share.view_no = slot.view_no
    and share.metric_no = slot.metric_no
    and share.local_date = slot.local_date
where share.occupancy_id is not null
