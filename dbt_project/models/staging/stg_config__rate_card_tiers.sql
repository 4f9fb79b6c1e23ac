select
    rate_card_id,
    rate_card_version::integer as rate_card_version,
    metric,
    charge_basis,
    coalesce(charge, '') as charge,
    coalesce(part, '') as part,
    tier_number::integer as tier_number,
    up_to::numeric as up_to,
    coalesce(unit_price::numeric(20, 10), percent::numeric(20, 10) * 0.01, 0) as unit_price,
    coalesce(flat_fee::numeric(20, 10), 0) as flat_fee,
    package_size::numeric as package_size,
    valid_from_load,
    valid_to_load
from {{ source('config', 'rate_card_tiers') }}
