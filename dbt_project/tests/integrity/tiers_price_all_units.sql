{{ config(meta={'dagster': {'ref': {'name': 'int_rated_tiers'}}}) }}

-- The tiers of a charge price exactly what its steps are: no unit twice, none left over, no step without a tier. What
-- is measured over the fleet is the billable quantity.
with stepped as (
    select tenant_no, period_no, invoice_version, charge_no, sum(quantity) as quantity
    from {{ ref('int_charge_steps') }}
    group by tenant_no, period_no, invoice_version, charge_no
),

tiers as (
    select tenant_no, period_no, invoice_version, charge_no, sum(tier_quantity) as quantity, count(*) as tier_count
    from {{ ref('int_rated_tiers') }}
    group by tenant_no, period_no, invoice_version, charge_no
)

select charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no
from {{ ref('int_charges') }} as charge
left join stepped using (tenant_no, period_no, invoice_version, charge_no)
left join tiers using (tenant_no, period_no, invoice_version, charge_no)
where
    (charge.measured_by = 'fleet' and tiers.tier_count is null)
    or (charge.measured_by = 'fleet' and stepped.quantity <> charge.billable_quantity)
    or (charge.price_model not in ('flat') and stepped.quantity <> tiers.quantity)
