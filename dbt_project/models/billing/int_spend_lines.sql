{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- Lines about what the charges, less discounts, come to (RULES 27): the difference of a total that is rounded alone,
-- commitment, minimum and maximum spend, each on the sum of the lines before it.
with charged as (
    select tenant_no, period_no, invoice_version, sum(amount) as amount, sum(exact_amount) as exact_amount
    from (
        select tenant_no, period_no, invoice_version, amount, exact_amount from {{ ref('int_charge_lines') }}
        union all
        select tenant_no, period_no, invoice_version, amount, exact_amount from {{ ref('int_discount_lines') }}
    ) as lines
    group by tenant_no, period_no, invoice_version
),

agreed as (
    select
        terms.*,
        share.proration_numerator,
        share.proration_denominator,
        share.proration_unit,
        coalesce(charged.amount, 0) as charged_amount,
        coalesce(charged.exact_amount, 0) as exact_amount,
        {{ rounded_money(
            prorated('terms.commitment_amount', 'share'), 'terms.currency_code', 'terms.rounding_mode'
        ) }} as commitment,
        {{ rounded_money(
            prorated('terms.minimum_spend_amount', 'share'), 'terms.currency_code', 'terms.rounding_mode'
        ) }} as minimum,
        {{ rounded_money(
            prorated('terms.maximum_spend_amount', 'share'), 'terms.currency_code', 'terms.rounding_mode'
        ) }} as maximum
    from {{ ref('int_period_terms') }} as terms
    inner join {{ ref('int_period_shares') }} as share using (tenant_no, period_no, invoice_version)
    left join charged using (tenant_no, period_no, invoice_version)
)

select
    {{ spend_line('agreed', 'part.line_type', 'null', 'part.amount', 'part.description') }},
    part.step_no
from agreed
cross join lateral (
    select case when is_total_from_unrounded
        then {{ rounded_money('exact_amount', 'currency_code', 'rounding_mode') }} - charged_amount
        else 0
    end as amount
) as rounding
cross join lateral (select charged_amount + rounding.amount as amount) as spent
cross join lateral (
    select
        {{ rounded_money(
            '((overage_factor - 1) * greatest(spent.amount - commitment, 0))', 'currency_code', 'rounding_mode'
        ) }} as overage,
        case when is_commitment_trued_up then greatest(commitment - spent.amount, 0) else 0 end as true_up
) as committed
cross join lateral (
    select case when minimum_spend_amount > 0
        then greatest(minimum - spent.amount - committed.overage - committed.true_up, 0)
        else 0
    end as amount
) as shortfall
cross join lateral (
    select least(
        maximum - spent.amount - committed.overage - committed.true_up - shortfall.amount, 0
    ) as amount
) as excess
cross join lateral (
    values
    (1, 'rounding', rounding.amount, 'difference of the rounded total to the sum of rounded lines'),
    (2, 'overage', committed.overage, {{ overage_words('agreed') }}),
    (3, 'commitment', committed.true_up, {{ bound_words('commitment', 'commitment_amount', 'shortfall') }}),
    (4, 'minimum_spend', shortfall.amount, {{ bound_words('minimum spend', 'minimum_spend_amount', 'shortfall') }}),
    (5, 'maximum_spend', excess.amount, {{ bound_words('maximum spend', 'maximum_spend_amount', 'excess') }})
) as part (step_no, line_type, amount, description)
where part.amount <> 0
