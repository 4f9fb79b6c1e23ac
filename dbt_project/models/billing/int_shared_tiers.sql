{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_timed_charges)"
) }}

-- Use by part and tier, for charges whose tiers divide the use of the whole period and are shared by the parts as they
-- share the used. A row begins at its tier's lower bound, so that this tier alone prices it; what rounding leaves of a
-- tier has its last part.
with parts as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.period_start_at, used.part,
        sum(used.quantity) as quantity, sum(used.estimated_quantity) as estimated_quantity
    from {{ ref('int_timed_charges') }} as charge
    inner join {{ ref('int_scheduled_uses') }} as used using (tenant_no, period_no, invoice_version, charge_no)
    where charge.sign = 1 and charge.charge_basis <> 'peak_demand' and charge.tier_meaning = 'month_end'
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.period_start_at, used.part
),

totals as (
    select
        *,
        sum(quantity) over (partition by tenant_no, period_no, invoice_version, charge_no) as total,
        sum(quantity) over (
            partition by tenant_no, period_no, invoice_version, charge_no order by part collate "C"
        ) as until_part
    from parts
),

ladders as (
    select distinct tenant_no, period_no, invoice_version, charge_no, lower_bound, up_to
    from {{ ref('int_period_tiers') }}
),

shared as (
    select
        part.*,
        tier.lower_bound,
        least(part.total, tier.up_to) - tier.lower_bound as tier_quantity
    from totals as part
    inner join ladders as tier using (tenant_no, period_no, invoice_version, charge_no)
    where part.total > tier.lower_bound
)

-- Differences of rounded running shares, so that the parts of a tier are the tier.
select
    tenant_no, period_no, invoice_version, charge_no, part, period_start_at as window_start_at,
    lower_bound::numeric(30, 10) as quantity_before,
    (
        round(tier_quantity * until_part / total, 10)
        - round(tier_quantity * (until_part - quantity) / total, 10)
    )::numeric(30, 10) as quantity,
    round(estimated_quantity * tier_quantity / total, 10)::numeric(30, 10) as estimated_quantity
from shared

union all

select
    tenant_no, period_no, invoice_version, charge_no, part, period_start_at, 0, quantity::numeric(30, 10),
    estimated_quantity::numeric(30, 10)
from totals
where total <= 0
