{{ config(materialized='scratch', tags=['explain'], pre_hook=joins_of_whole_sets()) }}

-- How much of what more or less use moves a charge by is not use at the price so far, but use that crossed into other
-- tiers: what it came to, less the use at the average price of the variant before (or of this one, if that had none).
with units as (
    select
        tenant_no, period_no, invoice_version as variant_no, charge.metric, charge.charge_basis,
        nullif(charge.charge, '') as charge, nullif(tier.part, '') as part, sum(tier.tier_quantity) as quantity
    from {{ ref('int_rated_tiers') }} as tier
    inner join {{ ref('int_charges') }} as charge using (tenant_no, period_no, invoice_version, charge_no)
    where
        charge.price_model not in ('flat', 'capacity')
        and (tenant_no, period_no) in (select tenant_no, period_no from {{ ref('int_bridge_pairs') }})
    group by
        tenant_no, period_no, invoice_version, charge.metric, charge.charge_basis, charge.charge,
        tier.part
),

priced as (
    select
        units.tenant_no, units.period_no, units.variant_no, units.metric, units.charge_basis, units.charge, units.part,
        units.quantity, coalesce(sum(line.exact_amount), 0) as exact_amount
    from units
    left join {{ ref('int_bridge_lines') }} as line
        on units.tenant_no = line.tenant_no
        and units.period_no = line.period_no
        and units.variant_no = line.variant_no
        and units.charge_basis = line.charge_basis
        and units.metric is not distinct from line.metric
        and units.charge is not distinct from line.charge
        and units.part is not distinct from line.part
    group by
        units.tenant_no, units.period_no, units.variant_no, units.metric, units.charge_basis, units.charge, units.part,
        units.quantity
),

moved as (
    select
        *,
        quantity - lag(quantity) over variants as moved_quantity,
        exact_amount - lag(exact_amount) over variants as moved_exactly,
        coalesce(
            lag(exact_amount) over variants / nullif(lag(quantity) over variants, 0),
            exact_amount / nullif(quantity, 0),
            0
        ) as price_so_far
    from priced
    window variants as (partition by tenant_no, period_no, metric, charge_basis, charge, part order by variant_no)
)

select
    tenant_no, period_no, variant_no, metric, charge_basis, charge, part,
    moved_exactly - moved_quantity * price_so_far as exact_amount
from moved
where variant_no in ({{ swap_no('removed_devices') }}, {{ swap_no('new_devices') }}, {{ swap_no('volume') }})
