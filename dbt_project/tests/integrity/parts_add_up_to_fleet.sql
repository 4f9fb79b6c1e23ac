{{ config(meta={'dagster': {'ref': {'name': 'int_charge_intervals'}}}) }}

-- What a charge divides by the clock is the period's use over all devices, less what is netted: no unit is in two parts
-- and none is in none. A peak is no sum, and of a folded period the parts are those of its close. A charge that is
-- split by date is looked at if it has a price by use on every day.
with versions as (
    select tenant_no, period_no, invoice_version, count(distinct rate_card_version) as version_count
    from {{ ref('int_period_prices') }}
    group by tenant_no, period_no, invoice_version
),

charges as (
    select
        price.tenant_no, price.period_no, price.invoice_version, price.metric, price.net_metric, price.charge,
        count(distinct price.rate_card_version) as version_count,
        sum(used.quantity) as quantity
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    left join (
        select tenant_no, period_no, invoice_version, charge_no, sum(measured_quantity) as quantity
        from {{ ref('int_charge_intervals') }}
        group by tenant_no, period_no, invoice_version, charge_no
    ) as used using (tenant_no, period_no, invoice_version, charge_no)
    where price.measured_by = 'time' and price.charge_basis = 'usage' and period.kind <> 'explain'
    group by
        price.tenant_no, price.period_no, price.invoice_version, price.metric, price.net_metric, price.charge
)

select charge.tenant_no, charge.period_no, charge.invoice_version, charge.metric, charge.charge
from charges as charge
inner join versions using (tenant_no, period_no, invoice_version, version_count)
left join {{ ref('int_rated_fleet') }} as used
    on charge.tenant_no = used.tenant_no
    and charge.period_no = used.period_no
    and charge.invoice_version = used.invoice_version
    and charge.metric = used.metric
left join {{ ref('int_rated_fleet') }} as netted
    on charge.tenant_no = netted.tenant_no
    and charge.period_no = netted.period_no
    and charge.invoice_version = netted.invoice_version
    and charge.net_metric = netted.metric
where coalesce(charge.quantity, 0) <> coalesce(used.quantity, 0) - coalesce(netted.quantity, 0)
