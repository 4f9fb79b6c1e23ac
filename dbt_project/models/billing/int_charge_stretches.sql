{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_timed_charges)"
) }}

-- Use in order of time, for charges whose parts share one ladder of tiers as one meter that runs on: slots of one part
-- that follow each other are one stretch, which begins in the ladder where the one before it ended.
with changes as (
    select
        used.*,
        coalesce(
            used.part <> lag(used.part) over (
                partition by used.tenant_no, used.period_no, used.invoice_version, used.charge_no order by used.slot_at
            ),
            true
        ) as is_change
    from {{ ref('int_timed_charges') }} as charge
    inner join {{ ref('int_scheduled_uses') }} as used using (tenant_no, period_no, invoice_version, charge_no)
    where charge.sign = 1 and charge.charge_basis <> 'peak_demand' and charge.tier_meaning = 'cumulative'
),

numbered as (
    select
        *,
        count(*) filter (where is_change) over (
            partition by tenant_no, period_no, invoice_version, charge_no order by slot_at
        ) as stretch
    from changes
),

stretches as (
    select
        tenant_no, period_no, invoice_version, charge_no, part, min(slot_at) as window_start_at,
        sum(quantity) as quantity, sum(estimated_quantity) as estimated_quantity
    from numbered
    group by tenant_no, period_no, invoice_version, charge_no, part, stretch
)

select
    tenant_no, period_no, invoice_version, charge_no, part, window_start_at,
    coalesce(sum(quantity) over (
        partition by tenant_no, period_no, invoice_version, charge_no order by window_start_at
        rows between unbounded preceding and 1 preceding
    ), 0)::numeric(30, 10) as quantity_before,
    quantity::numeric(30, 10) as quantity,
    estimated_quantity::numeric(30, 10) as estimated_quantity
from stretches
