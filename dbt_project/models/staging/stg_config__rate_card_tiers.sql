select
    rate_card_id,
    rate_card_version::integer as rate_card_version,
    metric,
    charge_basis,
    tier_number::integer as tier_number,
    up_to::numeric as up_to,
    coalesce(unit_price::numeric(20, 10), 0) as unit_price,
    coalesce(flat_fee::numeric(20, 10), 0) as flat_fee,
    valid_from_load,
    valid_to_load
from {{ source('config', 'rate_card_tiers') }}
