{{ config(materialized='scratch', tags=['facts']) }}

-- Answers of facts about whole periods and invoices: commitments, proration, credits, totals.
with facts as (
    select * from {{ ref('stg_rating__facts') }}
),

prorations as (
    select
        fact_no,
        {{ rounded(
            prorated("coalesce((params ->> 'old_amount')::numeric, 0)", 'share'), 'rounding_mode', 'rounding_places'
        ) }} as credit,
        {{ rounded(
            prorated("coalesce((params ->> 'new_amount')::numeric, 0)", 'share'), 'rounding_mode', 'rounding_places'
        ) }} as charge
    from facts
    cross join lateral (
        select
            coalesce(
                params ->> 'remaining', params ->> 'remaining_days', params ->> 'remaining_hours',
                params ->> 'remaining_seconds', params ->> 'remaining_s'
            )::numeric as proration_numerator,
            coalesce(
                params ->> 'period', params ->> 'period_days', params ->> 'period_hours',
                params ->> 'period_seconds', params ->> 'period_s'
            )::numeric as proration_denominator
    ) as share
    where model = 'proration'
),

products as (
    select
        facts.fact_no,
        {{ rounded(
            "(line.value ->> 'unit_price')::numeric * coalesce((line.value ->> 'quantity')::numeric, 1)",
            'rounding_mode', 'rounding_places'
        ) }} as amount
    from facts
    cross join lateral jsonb_array_elements(coalesce(body -> 'lines', params -> 'lines')) as line (value)
    where model = 'sum_of_rounded'
),

lines as (
    select
        facts.*, (line.value ->> 'amount')::numeric * coalesce(coupons.factor, 1) as amount
    from facts
    cross join lateral jsonb_array_elements(coalesce(body -> 'lines', params -> 'lines')) as line (value)
    cross join lateral (
        -- One after the other, each on what the one before left.
        select rating.product(1 - coupon.value::numeric * 0.01) as factor
        from jsonb_array_elements_text(coalesce(line.value -> 'percent_coupons', '[]'::jsonb)) as coupon (value)
    ) as coupons
    where model = 'invoice_total'
),

invoices as (
    select
        fact_no, params, rounding_mode, rounding_places,
        greatest(sum(amount) - coalesce((params ->> 'invoice_discount')::numeric, 0), 0) as net_amount
    from lines
    group by fact_no, params, rounding_mode, rounding_places
),

taxed as (
    select
        fact_no, params,
        net_amount + {{ rounded(
            "net_amount * coalesce((params ->> 'tax_percent')::numeric, 0) * 0.01", 'rounding_mode', 'rounding_places'
        ) }} as amount
    from invoices
)

select
    fact_no, '' as part, 0 as position,
    greatest(
        {{ rounded(
            prorated("(params ->> 'commitment')::numeric", 'share'), 'rounding_mode', 'rounding_places'
        ) }} - {{ rounded("coalesce((params ->> 'used')::numeric, 0)", 'rounding_mode', 'rounding_places') }},
        0
    ) as amount
from facts
cross join lateral (
    select
        coalesce((params ->> 'prorate_num')::numeric, 1) as proration_numerator,
        coalesce((params ->> 'prorate_den')::numeric, 1) as proration_denominator
) as share
where model = 'true_up'

union all

select prorations.fact_no, part.name, 0, part.amount
from prorations
cross join lateral (
    values ('credit', credit), ('charge', charge), ('net', charge - credit), ('', charge - credit)
) as part (name, amount)

union all

select
    fact_no, '', 0,
    -- Where all was credited before, nothing is left, and nothing is taken back.
    greatest(
        least(
            (params ->> 'potential_credit')::numeric,
            (params ->> 'original_amount')::numeric - coalesce((params ->> 'already_credited')::numeric, 0)
        ),
        0
    )
from facts
where model = 'credit_cap'

union all

select fact_no, '', 0, (body ->> 'quantity')::numeric from facts where model = 'rounding'
union all
select fact_no, '', 0, sum(amount) from products group by fact_no
union all
select fact_no, '', 0, amount - least(coalesce((params ->> 'prepaid_applied')::numeric, 0), amount) from taxed
