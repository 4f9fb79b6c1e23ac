{{ config(meta={'dagster': {'ref': {'name': 'int_period_prices'}}}) }}

-- A period whose rate card comes into force only later has no price: it is not invoiced with 0 instead.
select
    period.tenant_id,
    period.period_start_date,
    format('no version of rate card %s is in force on that day', period.rate_card_id) as problem
from {{ ref('int_periods_to_rate') }} as period
left join {{ ref('int_period_prices') }} as price using (tenant_no, period_no, invoice_version)
where period.rate_card_id is not null and price.rate_card_id is null
