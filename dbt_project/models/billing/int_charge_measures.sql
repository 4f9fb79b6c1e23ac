{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_period_prices as price where " ~ is_measured_apart('price') ~ ")"
) }}

-- What charges of their own measure have measured; where messages of it were folded since, what the close recorded.
with prices as (
    select
        price.*, period.kind, {{ is_measure_settled('price', 'period') }} as is_settled,
        round({{ prorated('price.included_units', 'share') }}, 10) as included_quantity
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_shares') }} as share using (tenant_no, period_no, invoice_version)
    where {{ is_measured_apart('price') }}
)

select
    tenant_no, period_no, invoice_version, charge_no,
    coalesce(recorded.quantity, measured.quantity, 0)::numeric(30, 10) as quantity
from prices as price
left join {{ ref('int_measured_quantities') }} as measured using (tenant_no, period_no, invoice_version, charge_no)
left join lateral (
    select price.included_quantity + closed.quantity as quantity
    from {{ source('store', 'closed_steps') }} as closed
    where
        price.is_settled
        and closed.tenant_no = price.tenant_no
        and closed.period_no = price.period_no
        and closed.metric is not distinct from price.metric
        and closed.charge_basis = price.charge_basis
        and closed.charge = price.charge
        and (price.kind <> 'verify' or closed.invoice_version = price.invoice_version)
    order by closed.invoice_version desc
    limit 1
) as recorded on true
