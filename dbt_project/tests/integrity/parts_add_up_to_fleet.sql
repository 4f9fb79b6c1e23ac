{{ config(meta={'dagster': {'ref': {'name': 'int_charge_intervals'}}}) }}

-- What a charge divides by the clock is the period's use over all devices, less what is netted: no unit is in two parts
-- and none is in none. A peak is no sum, and of a folded period the parts are those of its close.
with divided as (
    select tenant_no, period_no, invoice_version, charge_no, sum(measured_quantity) as quantity
    from {{ ref('int_charge_intervals') }}
    group by tenant_no, period_no, invoice_version, charge_no
)

select price.tenant_no, price.period_no, price.invoice_version, price.charge_no
from {{ ref('int_period_prices') }} as price
left join divided
    on price.tenant_no = divided.tenant_no
    and price.period_no = divided.period_no
    and price.invoice_version = divided.invoice_version
    and price.charge_no = divided.charge_no
left join {{ ref('int_rated_fleet') }} as used
    on price.tenant_no = used.tenant_no
    and price.period_no = used.period_no
    and price.invoice_version = used.invoice_version
    and price.metric = used.metric
left join {{ ref('int_rated_fleet') }} as netted
    on price.tenant_no = netted.tenant_no
    and price.period_no = netted.period_no
    and price.invoice_version = netted.invoice_version
    and price.net_metric = netted.metric
where
    price.measured_by = 'time'
    and (price.tenant_no, price.period_no, price.invoice_version) in (
        select period.tenant_no, period.period_no, period.invoice_version
        from {{ ref('int_periods_to_rate') }} as period
        where period.kind <> 'explain'
    )
    and price.charge_basis = 'usage'
    and coalesce(divided.quantity, 0) <> coalesce(used.quantity, 0) - coalesce(netted.quantity, 0)
