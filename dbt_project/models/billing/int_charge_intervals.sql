{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_period_prices where measured_by = 'time')"
) }}

-- What a charge that asks when its use was prices, each row alone: a part of the schedule, an hour or day, the peak of
-- a part; or where parts share one ladder of tiers, from where in it on; a part of the period whose price is its own.
-- Of a folded period what its close recorded.
with by_window as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, used.part,
        case charge.window_kind
            when 'hour' then {{ interval_of('used.slot_at', 60, 'charge.origin_at') }}
            when 'day' then {{ local_midnight(local_date('used.slot_at', 'charge.time_zone'), 'charge.time_zone') }}
            else charge.period_start_at
        end as window_start_at,
        sum(used.quantity) as quantity,
        sum(used.estimated_quantity) as estimated_quantity
    from {{ ref('int_timed_charges') }} as charge
    inner join {{ ref('int_scheduled_uses') }} as used using (tenant_no, period_no, invoice_version, charge_no)
    where
        charge.sign = 1 and charge.charge_basis <> 'peak_demand' and charge.tier_meaning = 'per_part'
        and not charge.is_part
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, used.part, window_start_at
),

rated as (
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, 0 as quantity_before, quantity,
        estimated_quantity, quantity as measured_quantity
    from by_window
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, quantity_before, quantity,
        estimated_quantity, quantity as measured_quantity
    from {{ ref('int_charge_stretches') }}
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, quantity_before, quantity,
        estimated_quantity, measured_quantity
    from {{ ref('int_charge_parts') }}
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, quantity_before, quantity,
        estimated_quantity, quantity as measured_quantity
    from {{ ref('int_shared_tiers') }}
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, 0, quantity, estimated_quantity,
        measured_quantity
    from {{ ref('int_charge_demands') }}
    union all
    select
        tenant_no, period_no, invoice_version, closed.charge_no, closed.part, closed.window_start_at,
        closed.quantity_before, closed.quantity, closed.estimated_quantity, closed.measured_quantity
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ source('store', 'closed_intervals') }} as closed using (tenant_no, period_no, invoice_version)
    where period.kind = 'verify' and {{ is_folded('period') }}
)

select
    tenant_no, period_no, invoice_version, charge_no, part, window_start_at,
    quantity_before::numeric(30, 10) as quantity_before,
    quantity::numeric(30, 10) as quantity,
    estimated_quantity::numeric(30, 10) as estimated_quantity,
    measured_quantity::numeric(30, 10) as measured_quantity
from rated
