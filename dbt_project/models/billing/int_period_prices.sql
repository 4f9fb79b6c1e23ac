{{ config(materialized='scratch', tags=['close']) }}

-- The version in force on the period's first local date prices all of it (RULES 16); of two from one date the higher.
with candidates as (
    select
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        period.config_load_id,
        card.*,
        rank() over (
            partition by period.tenant_no, period.period_no, period.invoice_version
            order by card.effective_from_date desc, card.rate_card_version desc
        ) as version_rank
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('stg_config__rate_cards') }} as card
        on period.rate_card_id = card.rate_card_id
        and period.period_start_date >= card.effective_from_date
        and {{ in_force('card', 'period.config_load_id') }}
)

select
    tenant_no,
    period_no,
    invoice_version,
    config_load_id,
    rate_card_id,
    rate_card_version,
    metric,
    charge_basis,
    price_model,
    coalesce(zero_quantity, 'no_charge') as zero_quantity,
    currency_code,
    package_size,
    included_units,
    effective_from_date
from candidates
where version_rank = 1
