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
        and {{ in_force('card', 'period.config_load_id') }}
        and {{ may_price('card', 'period') }}
)

select
    tenant_no,
    period_no,
    invoice_version,
    -- Numbered once, so that what follows joins on a number.
    row_number() over (
        partition by tenant_no, period_no, invoice_version
        order by metric collate "C" nulls last, charge_basis collate "C", charge collate "C"
    )::integer as charge_no,
    config_load_id,
    rate_card_id,
    rate_card_version,
    metric,
    charge_basis,
    charge,
    price_model,
    coalesce(zero_quantity, 'no_charge') as zero_quantity,
    currency_code,
    attribute,
    package_size,
    included_units,
    fee_per_event,
    free_events,
    free_amount,
    minimum_per_event,
    maximum_per_event,
    schedule,
    tier_meaning,
    demand_minutes,
    window_kind,
    net_metric,
    ratchet_percent,
    ratchet_periods,
    ratchet_months,
    coalesce(device_proration, 'none') as device_proration,
    coalesce(weighting, 'hour') as weighting,
    {{ timing('candidates') }} as timing,
    effective_from_date,
    {{ measured_by('candidates') }} as measured_by
from candidates
where version_rank = 1
