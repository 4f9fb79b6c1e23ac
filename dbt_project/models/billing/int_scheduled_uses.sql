{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_timed_charges)"
) }}

-- The use that a charge prices, by slot of time and part of its schedule. Which part a slot lies in is found once for
-- all tenants that share schedule and time zone; a charge without a schedule has the empty part.
with uses as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.schedule,
        charge.config_load_id, charge.time_zone, used.slot_at,
        sum(charge.sign * used.quantity) as quantity,
        sum(charge.sign * used.estimated_quantity) as estimated_quantity
    from {{ ref('int_timed_charges') }} as charge
    inner join {{ ref('int_timed_uses') }} as used
        using (tenant_no, period_no, invoice_version, metric_no, slot_minutes)
    where {{ is_in_part('used.slot_at', 'charge') }}
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.schedule,
        charge.config_load_id, charge.time_zone, used.slot_at
),

slots as (
    select
        schedule, config_load_id, time_zone, slot_at,
        slot_at at time zone time_zone as local_time,
        to_char(slot_at at time zone time_zone, 'MM-DD') as local_day,
        extract(epoch from (slot_at at time zone time_zone)::time) / 60 as local_minute
    from uses
    where schedule is not null
    group by schedule, config_load_id, time_zone, slot_at
),

parts as (
    select slot.schedule, slot.config_load_id, slot.time_zone, slot.slot_at, fitting.part
    from slots as slot
    cross join lateral (
        select rule.part
        from {{ ref('stg_config__time_of_use') }} as rule
        cross join lateral (
            select count(*) > 0 as is_holiday
            from {{ ref('stg_config__holidays') }} as holiday
            where
                holiday.calendar = rule.calendar
                and holiday.holiday_date = slot.local_time::date
                and {{ in_force('holiday', 'slot.config_load_id') }}
        ) as day
        where
            rule.schedule = slot.schedule
            and {{ in_force('rule', 'slot.config_load_id') }}
            and {{ is_in_season('rule', 'slot.local_day') }}
            and {{ is_kind_of_day('rule', 'slot.local_time', 'day.is_holiday') }}
            and slot.local_minute >= rule.starts_minute
            and slot.local_minute < rule.ends_minute
        order by rule.sequence
        limit 1
    ) as fitting
)

select
    uses.tenant_no, uses.period_no, uses.invoice_version, uses.charge_no, uses.slot_at,
    coalesce(parts.part, '') as part,
    uses.quantity::numeric(30, 10) as quantity,
    uses.estimated_quantity::numeric(30, 10) as estimated_quantity
from uses
left join parts using (schedule, config_load_id, time_zone, slot_at)
