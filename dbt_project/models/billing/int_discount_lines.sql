{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from config.discounts)"
) }}

-- Each discount is taken off what the one before left, of its metric or of the whole, and is rounded once; where the
-- card rounds the total alone, of what was left before it was rounded.
with recursive charged as (
    select
        tenant_no, period_no, invoice_version, metric,
        sum(case when terms.is_total_from_unrounded then line.exact_amount else line.amount end) as amount
    from {{ ref('int_charge_lines') }} as line
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    group by tenant_no, period_no, invoice_version, metric
),

walk as (
    select
        tenant_no,
        period_no,
        invoice_version,
        0 as step_no,
        null::text as discount_id,
        null::text as metric,
        0::numeric as base_amount,
        0::numeric as exact_amount,
        0::numeric as kept_amount,
        sum(amount)::numeric as left_of_all
    from charged
    group by tenant_no, period_no, invoice_version

    union all

    select
        step.tenant_no,
        step.period_no,
        step.invoice_version,
        step.step_no,
        step.discount_id,
        step.metric,
        base.amount,
        taken.exact_amount,
        taken.kept_amount,
        walk.left_of_all - taken.kept_amount
    from walk
    inner join {{ ref('int_discount_steps') }} as step using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    left join charged
        on (step.tenant_no, step.period_no, step.invoice_version, step.metric)
        = (charged.tenant_no, charged.period_no, charged.invoice_version, charged.metric)
    cross join lateral (
        select case
            when step.metric is null then walk.left_of_all
            when step.is_first_of_metric then coalesce(charged.amount, 0)
            else walk.base_amount - walk.kept_amount
        end as amount
    ) as base
    cross join lateral (select {{ discounted_amount('step', 'base.amount') }} as amount) as exact
    cross join lateral (
        select
            exact.amount as exact_amount,
            case
                when terms.is_total_from_unrounded then exact.amount
                else {{ rounded_money('exact.amount', 'terms.currency_code', 'terms.rounding_mode') }}
            end as kept_amount
    ) as taken
    where walk.step_no + 1 = step.step_no
)

select
    {{ spend_line(
        'walk', "'discount'", 'walk.metric',
        '-' ~ rounded_money('walk.exact_amount', 'terms.currency_code', 'terms.rounding_mode'),
        discount_words('walk', 'step')
    ) }},
    -walk.exact_amount as exact_amount,
    walk.step_no
from walk
inner join {{ ref('int_discount_steps') }} as step using (tenant_no, period_no, invoice_version, step_no)
inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
where walk.exact_amount > 0
