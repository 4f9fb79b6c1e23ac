select
    rate_card_id,
    rate_card_version::integer as rate_card_version,
    metric,
    charge_basis,
    price_model,
    zero_quantity,
    currency_code,
    package_size::numeric as package_size,
    coalesce(included_units::numeric, 0) as included_units,
    effective_from_date::date as effective_from_date,
    valid_from_load,
    valid_to_load
from {{ source('config', 'rate_cards') }}
