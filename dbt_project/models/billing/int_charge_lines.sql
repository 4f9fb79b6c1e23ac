{{ config(materialized='scratch', tags=['close']) }}

-- One line per tier and one per flat fee, each rounded once (RULES 27): the total is the sum of what is shown.
with tier_lines as (
    select
        tier.*,
        case tier.price_model when 'package' then 'package' else 'usage' end as line_type,
        {{ priced_units('tier.price_model', 'tier.tier_quantity', 'tier.package_size') }} as line_quantity
    from {{ ref('int_rated_tiers') }} as tier
    where tier.price_model <> 'flat' and tier.tier_quantity > 0
),

lines as (
    select
        line.*,
        line.unit_price as line_price,
        line.line_quantity * line.unit_price as exact_amount,
        {{ charge_words('line.charge_basis', 'line.metric') }} || ': '
        || case line.price_model
            when 'graduated' then format(
                'tier %s, %s at %s', line.tier_number,
                {{ tier_range_words('line.lower_bound', 'line.up_to') }}, {{ price_words('line.unit_price') }}
            )
            when 'volume' then format(
                'every unit at %s, tier %s (%s)', {{ price_words('line.unit_price') }}, line.tier_number,
                {{ tier_range_words('line.lower_bound', 'line.up_to') }}
            )
            when 'package' then format(
                '%s units in packages of %s at %s', {{ number_words('line.tier_quantity') }},
                {{ number_words('line.package_size') }}, {{ price_words('line.unit_price') }}
            )
            else 'every unit at ' || {{ price_words('line.unit_price') }}
        end
        || {{ included_words('line.included_quantity') }}
        || {{ estimated_words('line.estimated_quantity') }}
        || {{ calibrated_words('line.calibrations') }} as description
    from tier_lines as line

    union all

    -- The recurring fee is prorated, a tier's fee is due in full however short the period (RULES 13).
    select
        fee.*,
        'flat_fee' as line_type,
        1 as line_quantity,
        fee.flat_fee as line_price,
        case fee.price_model when 'flat' then {{ prorated('fee.flat_fee', 'fee') }} else fee.flat_fee end
            as exact_amount,
        {{ charge_words('fee.charge_basis', 'fee.metric') }} || ': '
        || case fee.price_model
            when 'flat' then 'recurring fee of ' || {{ price_words('fee.flat_fee') }} || {{ proration_words('fee', 'fee.proration_unit') }}
            else 'flat fee of tier ' || fee.tier_number::text
        end as description
    from {{ ref('int_rated_tiers') }} as fee
    where fee.is_fee_due and fee.flat_fee <> 0
)

select
    tenant_no,
    period_no,
    invoice_version,
    line_type,
    metric,
    charge_basis,
    rate_card_id,
    rate_card_version,
    price_model,
    tier_number,
    line_quantity::numeric(30, 10) as quantity,
    line_price::numeric(20, 10) as unit_price,
    (case when line_type = 'flat_fee' then 0 else estimated_quantity end)::numeric(30, 10) as estimated_quantity,
    exact_amount::numeric(50, 20) as exact_amount,
    ({{ rounded_money('exact_amount', 'currency_code', 'rounding_mode') }})::numeric(20, 4) as amount,
    description,
    case when line_type = 'flat_fee' then '' else quality_flags end as quality_flags
from lines
