{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

select
    price.tenant_no,
    price.period_no,
    price.invoice_version,
    price.charge_no,
    tier.part,
    tier.tier_number,
    coalesce(lag(tier.up_to) over tiers, 0) as lower_bound,
    tier.up_to,
    tier.unit_price,
    tier.flat_fee,
    coalesce(tier.package_size, price.package_size) as package_size
from {{ ref('int_period_prices') }} as price
inner join {{ ref('stg_config__rate_card_tiers') }} as tier
    on price.rate_card_id = tier.rate_card_id
    and price.rate_card_version = tier.rate_card_version
    and price.charge_basis = tier.charge_basis
    and price.charge = tier.charge
    and price.metric is not distinct from tier.metric
    and {{ in_force('tier', 'price.config_load_id') }}
window tiers as (
    partition by price.tenant_no, price.period_no, price.invoice_version, price.charge_no, tier.part
    order by tier.tier_number
)
