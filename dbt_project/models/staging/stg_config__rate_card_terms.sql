select
    rate_card_id,
    rate_card_version::integer as rate_card_version,
    rounding_mode,
    is_total_from_unrounded::boolean as is_total_from_unrounded,
    tax_behavior,
    has_credits_before_tax::boolean as has_credits_before_tax,
    minimum_spend_amount::numeric as minimum_spend_amount,
    annual_minimum_amount::numeric as annual_minimum_amount,
    maximum_spend_amount::numeric as maximum_spend_amount,
    commitment_amount::numeric as commitment_amount,
    overage_factor::numeric as overage_factor,
    is_commitment_trued_up::boolean as is_commitment_trued_up,
    proration,
    proration_end,
    valid_from_load,
    valid_to_load
from {{ source('config', 'rate_card_terms') }}
