{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- What of a charge each tier prices. Of a step that begins where another ended a tier prices what lies between.
with entered as (
    select
        step.tenant_no, step.period_no, step.invoice_version, step.charge_no, step.part, tier.tier_number,
        tier.lower_bound, tier.up_to, tier.flat_fee, tier.package_size, charge.price_model,
        -- An event may carry its own price; the card's is for those that carry none.
        case
            when charge.price_model = 'dynamic' then coalesce({{ carried_price('step.part') }}, tier.unit_price)
            else tier.unit_price
        end as unit_price,
        {{ tier_quantity(
            'charge.price_model', '(step.quantity_before + step.quantity)', 'tier.lower_bound', 'tier.up_to'
        ) }} as quantity_until,
        {{ tier_quantity('charge.price_model', 'step.quantity_before', 'tier.lower_bound', 'tier.up_to') }}
            as quantity_before,
        {{ is_tier_fee_due(
            'charge.price_model', '(step.quantity_before + step.quantity)', 'tier.lower_bound', 'tier.up_to',
            'charge.zero_quantity'
        ) }}
        and not {{ is_tier_entered('charge.price_model', 'step.quantity_before', 'tier.lower_bound', 'tier.up_to') }}
            as is_fee_due
    from {{ ref('int_charges') }} as charge
    inner join {{ ref('int_charge_steps') }} as step using (tenant_no, period_no, invoice_version, charge_no)
    inner join {{ ref('int_period_tiers') }} as tier
        on step.tenant_no = tier.tenant_no
        and step.period_no = tier.period_no
        and step.invoice_version = tier.invoice_version
        and step.charge_no = tier.charge_no
        and step.price_part = tier.part
)

select
    tenant_no,
    period_no,
    invoice_version,
    charge_no,
    part,
    tier_number,
    lower_bound,
    up_to,
    unit_price,
    flat_fee,
    package_size,
    sum(quantity_until - quantity_before)::numeric(30, 10) as tier_quantity,
    -- A package that was begun before is paid already.
    sum(
        {{ priced_units('price_model', 'quantity_until', 'package_size') }}
        - {{ priced_units('price_model', 'quantity_before', 'package_size') }}
    )::numeric(30, 10) as priced_units,
    count(*) filter (where is_fee_due)::integer as fee_count
from entered
group by
    tenant_no, period_no, invoice_version, charge_no, part, tier_number, lower_bound, up_to, unit_price, flat_fee,
    package_size
