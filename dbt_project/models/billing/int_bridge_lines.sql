{{ config(materialized='scratch', tags=['explain'], pre_hook=joins_of_whole_sets()) }}

-- depends_on: {{ source('ledger', 'explain_requests') }}
-- What each swap of a bridge moves each line by: to the cent as invoiced, and before rounding.
with lines as (
    select
        tenant_no, period_no, invoice_version as variant_no, line.line_type, line.metric,
        line.charge_basis, line.charge, line.part, line.tier_number, line.amount,
        coalesce(priced.exact_amount, line.amount) as exact_amount
    from {{ ref('int_rated_lines') }} as line
    left join {{ ref('int_line_explanations') }} as priced using (tenant_no, period_no, invoice_version, line_number)
    where (tenant_no, period_no) in (select tenant_no, period_no from {{ ref('int_bridge_pairs') }})
),

keys as (
    select distinct
        tenant_no, period_no, line_type, metric, charge_basis, charge, part, tier_number
    from lines
),

amounts as (
    select
        keys.*, variant.variant_no,
        coalesce(sum(line.amount), 0) as amount, coalesce(sum(line.exact_amount), 0) as exact_amount
    from keys
    cross join {{ bridge_variants() }} as variant (variant_no)
    left join lines as line
        on keys.tenant_no = line.tenant_no
        and keys.period_no = line.period_no
        and variant.variant_no = line.variant_no
        and keys.line_type = line.line_type
        and keys.metric is not distinct from line.metric
        and keys.charge_basis is not distinct from line.charge_basis
        and keys.charge is not distinct from line.charge
        and keys.part is not distinct from line.part
        and keys.tier_number is not distinct from line.tier_number
    group by
        keys.tenant_no, keys.period_no, keys.line_type, keys.metric, keys.charge_basis, keys.charge, keys.part,
        keys.tier_number, variant.variant_no
)

select
    tenant_no, period_no, variant_no, line_type, metric, charge_basis, charge, part, tier_number, amount, exact_amount,
    amount - lag(amount) over steps as moved_amount,
    exact_amount - lag(exact_amount) over steps as moved_exactly
from amounts
window steps as (
    partition by tenant_no, period_no, line_type, metric, charge_basis, charge, part, tier_number order by variant_no
)
