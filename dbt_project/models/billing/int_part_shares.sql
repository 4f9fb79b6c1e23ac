{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_period_prices where priced_from_date is not null)"
) }}

-- What of the period's share of a cycle each part of it has where a card is split by date: as many days, or seconds, as
-- the part has. The last part has what is left, so that the parts together have what the period has.
with parts as (
    select
        price.tenant_no, price.period_no, price.invoice_version, price.charge_no,
        price.priced_until_date is null as is_last,
        coalesce(price.priced_from_date, period.period_start_date) as first_date,
        coalesce(price.priced_until_date, {{ last_date('period') }} + 1) as until_date,
        period.period_start_date, period.period_start_at, period.time_zone,
        period.proration_numerator as period_days,
        share.proration_unit,
        share.proration_numerator as period_numerator,
        share.proration_denominator as period_denominator,
        -- What is counted over the whole period is paid in each part for its days.
        price.charge_basis = 'active_devices' and price.price_model <> 'flat' as is_count_prorated,
        -- A fee that is not prorated is one whole over the parts.
        case when terms.proration = 'none' then period.proration_numerator else share.proration_numerator end
            as numerator,
        case when terms.proration = 'none' then period.proration_numerator else share.proration_denominator end
            as denominator
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_shares') }} as share using (tenant_no, period_no, invoice_version)
    where {{ is_part('price') }}
),

counted as (
    select
        parts.*,
        bound.first_day,
        bound.until_day,
        case proration_unit
            when 'seconds' then greatest({{ seconds_until('first_date', 'parts') }}, 0)
            else bound.first_day
        end as first_unit,
        case proration_unit
            when 'seconds' then {{ seconds_until('until_date', 'parts') }}
            else bound.until_day
        end as until_unit
    from parts
    cross join lateral (
        select first_date - period_start_date as first_day, until_date - period_start_date as until_day
    ) as bound
),

shared as (
    select
        *,
        case when is_last then period_days else least(until_day, period_days) end - least(first_day, period_days)
            as day_count,
        case when is_last then numerator else least(until_unit, numerator) end - least(first_unit, numerator)
            as unit_count
    from counted
)

select
    tenant_no, period_no, invoice_version, charge_no, first_date, is_last, is_count_prorated, day_count,
    until_date - 1 as last_date,
    case when is_count_prorated then 'days' else proration_unit end as proration_unit,
    case when is_count_prorated then day_count else unit_count end as proration_numerator,
    case when is_count_prorated then period_days else denominator end as proration_denominator,
    case when is_count_prorated then period_numerator else unit_count end as included_numerator,
    case when is_count_prorated then period_denominator else denominator end as included_denominator
from shared
