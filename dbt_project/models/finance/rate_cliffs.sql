-- Every bounded tier of the prices in the configuration: what the units up to its bound cost, and what they cost with
-- one more. By the macros that rate an invoice, so that a bound means here what it means there.
with ladders as (
    select
        tier.*, card.price_model, card.zero_quantity, card.currency_code,
        coalesce(tier.package_size, card.package_size) as tier_package_size,
        coalesce(lag(tier.up_to) over steps, 0) as lower_bound,
        lead(tier.unit_price) over steps as next_unit_price
    from {{ ref('stg_config__rate_card_tiers') }} as tier
    inner join {{ ref('stg_config__rate_cards') }} as card
        on tier.rate_card_id = card.rate_card_id
        and tier.rate_card_version = card.rate_card_version
        and tier.charge_basis = card.charge_basis
        and tier.charge = card.charge
        and tier.metric is not distinct from card.metric
    where tier.valid_to_load is null and card.valid_to_load is null
    window steps as (
        partition by
            tier.rate_card_id, tier.rate_card_version, tier.metric, tier.charge_basis, tier.charge, tier.part
        order by tier.tier_number
    )
),

probes as (
    select bound.*, probe.extra, bound.up_to + probe.extra as quantity
    from ladders as bound
    cross join (values (0), (1)) as probe (extra)
    where bound.up_to is not null
),

costs as (
    select
        probe.rate_card_id, probe.rate_card_version, probe.metric, probe.charge_basis, probe.charge, probe.part,
        probe.price_model, probe.currency_code, probe.tier_number, probe.up_to, probe.next_unit_price, probe.extra,
        sum(
            {{ priced_units('tier.price_model', tier_quantity(
                'tier.price_model', 'probe.quantity', 'tier.lower_bound', 'tier.up_to'
            ), 'tier.tier_package_size') }} * tier.unit_price
            + case
                when {{ is_tier_fee_due(
                    'tier.price_model', 'probe.quantity', 'tier.lower_bound', 'tier.up_to', 'tier.zero_quantity'
                ) }} then tier.flat_fee else 0
            end
        ) as amount
    from probes as probe
    inner join ladders as tier
        on probe.rate_card_id = tier.rate_card_id
        and probe.rate_card_version = tier.rate_card_version
        and probe.metric is not distinct from tier.metric
        and probe.charge_basis = tier.charge_basis
        and probe.charge = tier.charge
        and probe.part = tier.part
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
)

select
    at_bound.rate_card_id,
    at_bound.rate_card_version,
    at_bound.metric,
    at_bound.charge_basis,
    nullif(at_bound.charge, '') as charge,
    nullif(at_bound.part, '') as part,
    at_bound.price_model,
    at_bound.tier_number,
    at_bound.up_to,
    trim_scale(at_bound.amount) as amount_at_bound,
    trim_scale(beyond.amount) as amount_beyond,
    trim_scale(beyond.amount - at_bound.amount) as step_amount,
    case when beyond.amount < at_bound.amount then 'costs_less' else 'jumps' end as effect,
    at_bound.currency_code
from costs as at_bound
inner join costs as beyond
    on at_bound.rate_card_id = beyond.rate_card_id
    and at_bound.rate_card_version = beyond.rate_card_version
    and at_bound.metric is not distinct from beyond.metric
    and at_bound.charge_basis = beyond.charge_basis
    and at_bound.charge = beyond.charge
    and at_bound.part = beyond.part
    and at_bound.tier_number = beyond.tier_number
where at_bound.extra = 0 and beyond.extra = 1 and beyond.amount - at_bound.amount <> at_bound.next_unit_price
