{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- One line per tier and one per flat fee, each rounded once (RULES 27): the total is the sum of what is shown.
with timed as (
    select
        tenant_no, period_no, invoice_version, charge_no, part, sum(estimated_quantity) as estimated_quantity,
        sum(measured_quantity) as measured_quantity, min(quantity_before) as quantity_before
    from {{ ref('int_charge_intervals') }}
    group by tenant_no, period_no, invoice_version, charge_no, part
),

tiers as (
    select charge.*, tier.part, tier.tier_number, tier.lower_bound, tier.up_to, tier.unit_price, tier.flat_fee,
        tier.package_size, tier.tier_quantity, tier.priced_units, tier.fee_count,
        coalesce(timed.estimated_quantity, charge.estimated_quantity) as part_estimated_quantity,
        -- Of a peak, and of a part of the period, it is not what the whole charge was.
        case
            when charge.charge_basis = 'peak_demand' or charge.first_date is not null then timed.measured_quantity
        end as part_measured_quantity,
        case when charge.first_date is not null then nullif(timed.quantity_before, 0) end as quantity_before
    from {{ ref('int_rated_tiers') }} as tier
    inner join {{ ref('int_charges') }} as charge using (tenant_no, period_no, invoice_version, charge_no)
    left join timed using (tenant_no, period_no, invoice_version, charge_no, part)
),

lines as (
    select
        tier.*,
        case
            when {{ is_credit('tier') }} then 'credit'
            when tier.price_model in {{ package_models() }} then 'package'
            else 'usage'
        end as line_type,
        tier.priced_units as line_quantity,
        {{ credited('tier', 'tier.unit_price') }} as line_price,
        case
            when tier.is_count_prorated then {{ prorated('tier.priced_units * tier.unit_price', 'tier') }}
            else {{ credited('tier', 'tier.priced_units * tier.unit_price') }}
        end as exact_amount,
        {{ charge_words('tier') }} || {{ part_words('tier') }} || ': '
        || {{ tier_words('tier') }}
        || case when tier.is_count_prorated then {{ proration_words('tier') }} else '' end
        || {{ included_words('tier.included_quantity') }}
        || {{ estimated_words('tier.part_estimated_quantity') }}
        || {{ calibrated_words('tier.calibrations') }} as description
    from tiers as tier
    where tier.price_model not in ('flat', 'capacity') and tier.tier_quantity <> 0

    union all

    -- The recurring fee is prorated, a tier's fee is due in full however short the period (RULES 13).
    select
        fee.*,
        'flat_fee' as line_type,
        fee.fee_count as line_quantity,
        fee.flat_fee as line_price,
        case fee.price_model
            when 'flat' then {{ prorated('fee.flat_fee', 'fee') }}
            else fee.flat_fee * fee.fee_count
        end as exact_amount,
        {{ charge_words('fee') }} || {{ part_words('fee') }} || ': '
        || {{ fee_words('fee') }} as description
    from tiers as fee
    where fee.fee_count > 0 and fee.flat_fee <> 0

    union all

    select
        tier.*,
        fee.line_type,
        fee.line_quantity,
        fee.line_price,
        fee.exact_amount,
        {{ charge_words('tier') }} || ': ' || fee.words as description
    from tiers as tier
    inner join {{ ref('int_event_lines') }} as fee using (tenant_no, period_no, invoice_version, charge_no)
)

select
    tenant_no,
    period_no,
    invoice_version,
    charge_no,
    line_type,
    metric,
    charge_basis,
    nullif(charge, '') as charge,
    nullif(part, '') as part,
    rate_card_id,
    rate_card_version,
    price_model,
    tier_number,
    line_quantity::numeric(30, 10) as quantity,
    line_price::numeric(20, 10) as unit_price,
    (case when line_type in ('usage', 'package') then part_estimated_quantity else 0 end)::numeric(30, 10)
        as estimated_quantity,
    coalesce(part_measured_quantity, measured_quantity)::numeric(30, 10) as measured_quantity,
    quantity_before::numeric(30, 10) as quantity_before,
    exact_amount,
    ({{ rounded_money('exact_amount', 'currency_code', 'rounding_mode') }})::numeric(20, 4) as amount,
    description,
    case when line_type in ('usage', 'package') then quality_flags else '' end as quality_flags
from lines
