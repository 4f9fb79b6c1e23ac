{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_period_prices where priced_from_date is not null)"
) }}

-- What charges price that are split by date: the use of their part of the period, less its included units. The tiers
-- run on through the period: what the charge billed in earlier parts comes before it, whatever its version then.
with used as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no,
        coalesce(used.part, '') as part,
        coalesce(charge.priced_from_at, charge.period_start_at) as window_start_at,
        coalesce(sum(used.quantity), 0) as measured_quantity,
        coalesce(sum(used.estimated_quantity), 0) as estimated_quantity
    from {{ ref('int_timed_charges') }} as charge
    left join {{ ref('int_scheduled_uses') }} as used using (tenant_no, period_no, invoice_version, charge_no)
    where charge.is_part and (charge.kind <> 'verify' or not {{ is_folded('charge') }})
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, used.part, window_start_at
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, measured_quantity, estimated_quantity
    from {{ ref('int_bridge_parts') }}
),

billed as (
    select
        used.*, charge.metric, charge.charge,
        greatest(used.measured_quantity - charge.included_quantity, 0) as quantity
    from used
    inner join {{ ref('int_charges') }} as charge using (tenant_no, period_no, invoice_version, charge_no)
)

select
    tenant_no, period_no, invoice_version, charge_no, part, window_start_at,
    coalesce(sum(quantity) over (
        partition by tenant_no, period_no, invoice_version, metric, charge, part order by window_start_at
        rows between unbounded preceding and 1 preceding
    ), 0)::numeric(30, 10) as quantity_before,
    quantity::numeric(30, 10) as quantity,
    estimated_quantity::numeric(30, 10) as estimated_quantity,
    measured_quantity::numeric(30, 10) as measured_quantity
from billed
