-- The numbers behind each line that a charge made.
select
    line.tenant_no,
    line.period_no,
    line.invoice_version,
    line.line_number,
    priced.measured_quantity,
    charge.included_quantity,
    priced.quantity_before,
    tier.lower_bound,
    tier.up_to,
    tier.tier_quantity,
    tier.package_size,
    charge.proration_numerator,
    charge.proration_denominator,
    priced.exact_amount
from {{ ref('int_rated_lines') }} as line
inner join {{ ref('int_charge_lines') }} as priced
    on line.tenant_no = priced.tenant_no
    and line.period_no = priced.period_no
    and line.invoice_version = priced.invoice_version
    and line.line_type = priced.line_type
    and line.rate_card_version = priced.rate_card_version
    and line.charge_basis = priced.charge_basis
    and line.tier_number = priced.tier_number
    and line.metric is not distinct from priced.metric
    and line.charge is not distinct from priced.charge
    and line.part is not distinct from priced.part
inner join {{ ref('int_charges') }} as charge
    on priced.tenant_no = charge.tenant_no
    and priced.period_no = charge.period_no
    and priced.invoice_version = charge.invoice_version
    and priced.charge_no = charge.charge_no
inner join {{ ref('int_rated_tiers') }} as tier
    on priced.tenant_no = tier.tenant_no
    and priced.period_no = tier.period_no
    and priced.invoice_version = tier.invoice_version
    and priced.charge_no = tier.charge_no
    and priced.tier_number = tier.tier_number
    and coalesce(priced.part, '') = tier.part
