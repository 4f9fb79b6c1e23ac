{{ config(meta={'dagster': {'ref': {'name': 'int_rated_tiers'}}}) }}

-- The tiers of a charge price exactly its billable quantity: no unit twice, none left over, no charge without a tier.
select charge.tenant_no, charge.period_no, charge.invoice_version, charge.metric, charge.charge_basis
from {{ ref('int_charges') }} as charge
left join {{ ref('int_rated_tiers') }} as tier
    on charge.tenant_no = tier.tenant_no
    and charge.period_no = tier.period_no
    and charge.invoice_version = tier.invoice_version
    and charge.charge_basis = tier.charge_basis
    and charge.metric is not distinct from tier.metric
group by
    charge.tenant_no, charge.period_no, charge.invoice_version, charge.metric, charge.charge_basis,
    charge.price_model, charge.billable_quantity
having
    count(tier.tier_number) = 0
    or (charge.price_model <> 'flat' and sum(tier.tier_quantity) <> charge.billable_quantity)
