{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from config.rate_card_terms where annual_minimum_amount is not null)"
) }}

-- What a year of a contract falls short of its minimum, with the year's last period: against what its earlier invoices
-- came to, the newest made before this close. A contract that ends within a year owes the year's part in days.
with terms as (
    select
        terms.*, period.close_id, period.contract_id, period.period_start_date, period.period_end_at, contract.ends_at,
        {{ local_date('contract.starts_at', 'period.time_zone') }} as first_date,
        {{ local_date('period.period_end_at', 'period.time_zone') }} as end_date,
        extract(
            year from age(period.period_start_date, {{ local_date('contract.starts_at', 'period.time_zone') }})
        )::integer as year_no
    from {{ ref('int_period_terms') }} as terms
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ ref('stg_config__contracts') }} as contract
        on period.tenant_no = contract.tenant_no
        and period.contract_id = contract.contract_id
        and {{ in_force('contract', 'period.config_load_id') }}
    where terms.annual_minimum_amount > 0
),

years as (
    select
        *,
        (first_date + year_no * interval '1 year')::date as year_start_date,
        (first_date + (year_no + 1) * interval '1 year')::date as year_end_date
    from terms
),

charged as (
    select tenant_no, period_no, invoice_version, sum(amount) as amount
    from (
        select tenant_no, period_no, invoice_version, amount from {{ ref('int_charge_lines') }}
        union all
        select tenant_no, period_no, invoice_version, amount from {{ ref('int_discount_lines') }}
        union all
        select tenant_no, period_no, invoice_version, amount from {{ ref('int_spend_lines') }}
    ) as lines
    group by tenant_no, period_no, invoice_version
),

judged as (
    select
        years.*,
        coalesce(charged.amount, 0) + coalesce(before.amount, 0) as year_amount,
        {{ rounded_money(
            '((annual_minimum_amount * (least(end_date, year_end_date) - year_start_date))::numeric(60, 20)'
            ~ ' / (year_end_date - year_start_date))', 'years.currency_code', 'years.rounding_mode'
        ) }} as minimum
    from years
    left join charged using (tenant_no, period_no, invoice_version)
    cross join lateral (
        select sum(line.amount) as amount
        from {{ source('store', 'periods') }} as period
        inner join {{ source('store', 'invoice_lines') }} as line
            on period.tenant_no = line.tenant_no and period.period_no = line.period_no
        where
            (period.tenant_no, period.contract_id) = (years.tenant_no, years.contract_id)
            and period.period_start_date >= years.year_start_date
            and period.period_start_date < years.period_start_date
            and line.invoice_version = (
                select max(closed.invoice_version)
                from {{ source('store', 'period_closes') }} as closed
                where
                    (closed.tenant_no, closed.period_no) = (period.tenant_no, period.period_no)
                    and closed.close_id < years.close_id
            )
    ) as before
    where years.end_date >= years.year_end_date or years.ends_at = years.period_end_at
)

select
    {{ spend_line(
        'judged', "'minimum_spend'", 'null', 'minimum - year_amount',
        "'minimum spend of ' || " ~ price_words('minimum') ~ " || ' for the year since ' || year_start_date"
        ~ " || ', of which ' || " ~ price_words('year_amount') ~ " || ' was spent: shortfall'"
    ) }},
    1 as step_no
from judged
where minimum > year_amount
