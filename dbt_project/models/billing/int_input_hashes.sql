{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- A digest over all that the price depends upon, with every list in an order that neither numbering nor locale moves:
-- the device usage, the terms of the contract, the prices and their tiers. JSON text keeps numbers as configured.
with usage_digests as (
    select
        usage.tenant_no,
        usage.period_no,
        usage.invoice_version,
        {{ sha256_hex("string_agg(" ~ usage_canonical_text(
            'device.device_id', 'metric.metric', 'usage.quantity', 'usage.event_count'
        ) ~ ", '' order by device.device_id collate \"C\", metric.metric collate \"C\")") }} as usage_sha256
    from {{ ref('int_rated_usage') }} as usage
    inner join {{ source('registry', 'devices') }} as device on usage.device_no = device.device_no
    inner join {{ source('registry', 'metrics') }} as metric on usage.metric_no = metric.metric_no
    group by usage.tenant_no, usage.period_no, usage.invoice_version
),

prices as (
    select
        tenant_no,
        period_no,
        invoice_version,
        jsonb_agg(
            jsonb_build_array(
                rate_card_id, rate_card_version, metric, charge_basis, price_model, zero_quantity, currency_code,
                package_size, included_units
            ) || {{ said_beside({
                'charge': "nullif(charge, '')",
                'attribute': 'attribute',
                'fee_per_event': 'nullif(fee_per_event, 0)',
                'free_events': 'free_events',
                'free_amount': 'free_amount',
                'minimum_per_event': 'minimum_per_event',
                'maximum_per_event': 'maximum_per_event',
                'schedule': 'schedule',
                'tier_meaning': "nullif(tier_meaning, 'per_part')",
                'demand_minutes': 'demand_minutes',
                'window': 'window_kind',
                'net_metric': 'net_metric',
                'priced_from': 'priced_from_date',
                'priced_until': 'priced_until_date',
                'device_proration': "nullif(device_proration, 'none')",
                'weighting': "nullif(weighting, 'hour')",
            }) }}
            order by charge_no
        ) as price_rows
    from {{ ref('int_period_prices') }}
    group by tenant_no, period_no, invoice_version
),

tiers as (
    select
        tenant_no,
        period_no,
        invoice_version,
        jsonb_agg(
            jsonb_build_array(
                price.metric, price.charge_basis, tier.tier_number, tier.up_to, tier.unit_price, tier.flat_fee
            ) || {{ said_beside({
                'charge': "nullif(price.charge, '')",
                'part': "nullif(tier.part, '')",
                'package_size': 'nullif(tier.package_size, price.package_size)',
            }) }}
            order by charge_no, tier.part collate "C", tier.tier_number
        ) as tier_rows
    from {{ ref('int_period_tiers') }} as tier
    inner join {{ ref('int_period_prices') }} as price using (tenant_no, period_no, invoice_version, charge_no)
    group by tenant_no, period_no, invoice_version
),

-- What is not a sum over devices, whose digest is above.
steps as (
    select
        tenant_no,
        period_no,
        invoice_version,
        jsonb_agg(
            jsonb_build_array(charge_no, step.part, step.window_start_at, step.quantity)
            order by charge_no, step.window_start_at nulls first, step.part collate "C", step.quantity_before
        ) as step_rows
    from {{ ref('int_charge_steps') }} as step
    inner join {{ ref('int_charges') }} as charge using (tenant_no, period_no, invoice_version, charge_no)
    where charge.measured_by <> 'fleet'
    group by tenant_no, period_no, invoice_version
),

adjustments as (
    select
        tenant_no,
        period_no,
        invoice_version,
        jsonb_agg(jsonb_build_array(description, amount) order by description collate "C") as adjustment_rows
    from {{ ref('int_adjustment_lines') }}
    group by tenant_no, period_no, invoice_version
)

select
    period.tenant_no,
    period.period_no,
    period.invoice_version,
    {{ sha256_hex("(jsonb_build_array(
        period.tenant_id, period.period_start_date, period.contract_id, period.currency_code,
        coalesce(period.minimum_spend_amount, 0), period.tax_percent, period.proration_numerator,
        period.proration_denominator, prices.price_rows, tiers.tier_rows, usage_digests.usage_sha256
    ) || " ~ said_beside({
        'steps': 'steps.step_rows',
        'terms': 'further.terms',
        'discounts': 'further.discounts',
        'taxes': 'further.taxes',
        'credits': 'further.credits',
        'adjustments': 'adjustments.adjustment_rows',
    }) ~ ")::text") }} as input_hash
from {{ ref('int_periods_to_rate') }} as period
left join {{ ref('int_further_terms') }} as further using (tenant_no, period_no, invoice_version)
left join prices using (tenant_no, period_no, invoice_version)
left join tiers using (tenant_no, period_no, invoice_version)
left join steps using (tenant_no, period_no, invoice_version)
left join usage_digests using (tenant_no, period_no, invoice_version)
left join adjustments using (tenant_no, period_no, invoice_version)
