{{ config(materialized='scratch', tags=['close']) }}

-- The version in force on the period's first local date prices all of it (RULES 16); of two from one date the higher.
-- If it is split by date, each version that comes into force within the period prices from its date on.
{%- set period = 'partition by tenant_no, period_no, invoice_version' %}
with candidates as (
    select
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        period.config_load_id,
        period.period_start_date,
        card.*,
        case
            when period.priced_by_version is null then greatest(card.effective_from_date, period.period_start_date)
            else period.period_start_date
        end as from_date
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('stg_config__rate_cards') }} as card
        on period.rate_card_id = card.rate_card_id
        and {{ in_force('card', 'period.config_load_id') }}
        and {{ may_price('card', 'period') }}
),

ranked as (
    select
        *,
        rank() over ({{ period }}, from_date order by effective_from_date desc, rate_card_version desc) as version_rank
    from candidates
),

versions as (
    select
        *, bool_or(is_split_by_date) filter (where from_date = period_start_date) over ({{ period }}) as is_split
    from ranked
    where version_rank = 1
),

priced as (
    select
        *,
        nullif(from_date, period_start_date) as priced_from_date,
        min(from_date) over (
            {{ period }} order by from_date range between interval '1 day' following and unbounded following
        ) as priced_until_date
    from versions
    where from_date = period_start_date or is_split
)

select
    tenant_no,
    period_no,
    invoice_version,
    -- Numbered once, so that what follows joins on a number.
    row_number() over (
        {{ period }} order by metric collate "C" nulls last, charge_basis collate "C", charge collate "C", from_date
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
    device_proration,
    weighting,
    {{ timing('priced') }} as timing,
    effective_from_date,
    -- Empty: from the period's start, until its end.
    priced_from_date,
    priced_until_date,
    {{ measured_by('priced') }} as measured_by
from priced
