{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- What an invoice depends upon beyond use, prices and the plain terms of a contract, for its digest; null where there
-- is nothing, so that what does without keeps its digest.
with agreed as (
    select
        tenant_no,
        period_no,
        invoice_version,
        nullif(jsonb_strip_nulls(jsonb_build_object(
            'rounding_mode', nullif(terms.rounding_mode, 'half_up'),
            'is_total_from_unrounded', nullif(terms.is_total_from_unrounded, false),
            'tax_behavior', nullif(terms.tax_behavior, 'exclusive'),
            'has_credits_before_tax', nullif(terms.has_credits_before_tax, false),
            'minimum_spend_amount',
            case when period.minimum_spend_amount is null then nullif(terms.minimum_spend_amount, 0) end,
            'maximum_spend_amount', terms.maximum_spend_amount,
            'commitment_amount', terms.commitment_amount,
            'overage_factor', nullif(terms.overage_factor, 1),
            'is_commitment_trued_up', nullif(terms.is_commitment_trued_up, true),
            'proration', nullif(terms.proration, 'day'),
            'proration_end', nullif(terms.proration_end, 'exclusive')
        )), '{}') as terms
    from {{ ref('int_period_terms') }} as terms
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
),

discounts as (
    select
        tenant_no,
        period_no,
        invoice_version,
        jsonb_agg(
            jsonb_build_array(discount_id, metric, amount, tiers) order by step_no
        ) as discounts
    from {{ ref('int_discount_steps') }}
    group by tenant_no, period_no, invoice_version
),

taxes as (
    select
        tenant_no,
        period_no,
        invoice_version,
        jsonb_agg(jsonb_build_array(jurisdiction, tax, percent) order by tax collate "C") as taxes
    from {{ ref('int_period_taxes') }}
    where jurisdiction is not null
    group by tenant_no, period_no, invoice_version
),

credits as (
    select
        tenant_no,
        period_no,
        invoice_version,
        jsonb_agg(jsonb_build_array(credit_id, available_amount) order by credit_id collate "C") as credits
    from {{ ref('int_credit_draws') }}
    group by tenant_no, period_no, invoice_version
)

select
    tenant_no,
    period_no,
    invoice_version,
    agreed.terms,
    discounts.discounts,
    taxes.taxes,
    credits.credits
from agreed
left join discounts using (tenant_no, period_no, invoice_version)
left join taxes using (tenant_no, period_no, invoice_version)
left join credits using (tenant_no, period_no, invoice_version)
