{{ config(materialized='scratch', tags=['close']) }}

select
    charge.*,
    tier.tier_number,
    tier.lower_bound,
    tier.up_to,
    tier.unit_price,
    tier.flat_fee,
    ({{ tier_quantity(
        'charge.price_model', 'charge.billable_quantity', 'tier.lower_bound', 'tier.up_to'
    ) }})::numeric(30, 10) as tier_quantity,
    {{ is_tier_fee_due(
        'charge.price_model', 'charge.billable_quantity', 'tier.lower_bound', 'tier.up_to', 'charge.zero_quantity'
    ) }} as is_fee_due
from {{ ref('int_charges') }} as charge
inner join {{ ref('int_period_tiers') }} as tier
    on charge.tenant_no = tier.tenant_no
    and charge.period_no = tier.period_no
    and charge.invoice_version = tier.invoice_version
    and charge.charge_basis = tier.charge_basis
    and charge.metric is not distinct from tier.metric
