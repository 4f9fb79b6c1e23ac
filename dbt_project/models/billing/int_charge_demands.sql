{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_timed_charges)") }}

-- The greatest use of an interval per hour, over all devices together, in the period or in each part of its schedule;
-- where the card has a ratchet, at least a share of the greatest that earlier invoices recorded.
with charges as (
    select * from {{ ref('int_timed_charges') }} where sign = 1 and charge_basis = 'peak_demand'
),

intervals as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.demand_minutes,
        {{ interval_of('used.slot_at', 'charge.demand_minutes', 'charge.origin_at') }} as interval_at,
        (array_agg(used.part order by used.slot_at))[1] as part,
        sum(used.quantity) as quantity,
        sum(used.estimated_quantity) as estimated_quantity
    from charges as charge
    inner join {{ ref('int_scheduled_uses') }} as used using (tenant_no, period_no, invoice_version, charge_no)
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.demand_minutes,
        interval_at
),

peaks as (
    select distinct on (tenant_no, period_no, invoice_version, charge_no, part)
        *,
        greatest(quantity, 0) * 60 / demand_minutes as demand,
        estimated_quantity * 60 / demand_minutes as estimated_demand
    from intervals
    order by tenant_no, period_no, invoice_version, charge_no, part, quantity desc, interval_at
),

-- What the newest invoices that were made before this close recorded of the periods before.
before as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no,
        max(earlier.demand) * charge.ratchet_percent * 0.01 as least_demand
    from charges as charge
    cross join lateral (
        select
            period.period_start_date,
            (
                select max(recorded.measured_quantity)
                from {{ source('store', 'closed_intervals') }} as recorded
                where
                    recorded.tenant_no = period.tenant_no
                    and recorded.period_no = period.period_no
                    and recorded.invoice_version = (
                        select max(closed.invoice_version)
                        from {{ source('store', 'period_closes') }} as closed
                        where
                            closed.tenant_no = period.tenant_no
                            and closed.period_no = period.period_no
                            and closed.close_id < charge.close_id
                    )
                    and recorded.metric = charge.metric
                    and recorded.demand_minutes = charge.demand_minutes
            ) as demand
        from {{ source('store', 'periods') }} as period
        where period.tenant_no = charge.tenant_no and period.period_end_at <= charge.period_start_at
        order by period.period_end_at desc
        limit charge.ratchet_periods
    ) as earlier
    where
        charge.ratchet_percent is not null
        and (
            charge.ratchet_months is null
            or extract(month from earlier.period_start_date)::text = any(string_to_array(charge.ratchet_months, ' '))
        )
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.ratchet_percent
)

select
    tenant_no, period_no, invoice_version, charge_no, peak.part, peak.interval_at as window_start_at,
    greatest(peak.demand, before.least_demand)::numeric(30, 10) as quantity,
    peak.estimated_demand::numeric(30, 10) as estimated_quantity,
    peak.demand::numeric(30, 10) as measured_quantity
from peaks as peak
left join before using (tenant_no, period_no, invoice_version, charge_no)
