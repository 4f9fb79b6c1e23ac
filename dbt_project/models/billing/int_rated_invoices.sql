{{ config(materialized='scratch', tags=['close']) }}

-- A closed period always has an invoice, if need be of 0 (RULES 15). Tax once, on the subtotal, rounded (RULES 28).
with subtotals as (
    select
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        coalesce(sum(line.amount), 0) as subtotal_amount,
        count(line.line_number)::integer as line_count
    from {{ ref('int_periods_to_rate') }} as period
    left join {{ ref('int_rated_lines') }} as line using (tenant_no, period_no, invoice_version)
    group by period.tenant_no, period.period_no, period.invoice_version
),

taxed as (
    select
        period.close_id,
        period.kind,
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        period.invoice_id,
        period.currency_code,
        subtotals.line_count,
        subtotals.subtotal_amount,
        {{ round_money('subtotals.subtotal_amount * period.tax_percent * 0.01', 'period.currency_code') }} as tax_amount
    from {{ ref('int_periods_to_rate') }} as period
    inner join subtotals using (tenant_no, period_no, invoice_version)
)

select
    taxed.close_id,
    taxed.kind,
    taxed.tenant_no,
    taxed.period_no,
    taxed.invoice_version,
    taxed.invoice_id,
    taxed.currency_code,
    taxed.line_count,
    taxed.subtotal_amount::numeric(20, 4) as subtotal_amount,
    taxed.tax_amount::numeric(20, 4) as tax_amount,
    (taxed.subtotal_amount + taxed.tax_amount)::numeric(20, 4) as total_amount,
    digest.input_hash
from taxed
inner join {{ ref('int_input_hashes') }} as digest using (tenant_no, period_no, invoice_version)
