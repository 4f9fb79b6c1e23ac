{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- A closed period always has an invoice, if need be of 0 (RULES 15). Where the lines contain the tax, the subtotal is
-- what is left without it.
with taxes as (
    select tenant_no, period_no, invoice_version, sum(tax_amount) as amount
    from {{ ref('int_rated_taxes') }}
    group by tenant_no, period_no, invoice_version
),

draws as (
    select tenant_no, period_no, invoice_version, sum(amount) as amount
    from {{ ref('int_credit_draws') }}
    group by tenant_no, period_no, invoice_version
),

amounts as (
    select
        payable.tenant_no,
        payable.period_no,
        payable.invoice_version,
        payable.line_count,
        terms.tax_behavior = 'inclusive' as is_tax_included,
        payable.lines_amount
        - case when terms.tax_behavior = 'inclusive' then coalesce(taxes.amount, 0) else 0 end as subtotal_amount,
        coalesce(taxes.amount, 0) as tax_amount,
        coalesce(draws.amount, 0) as prepaid_amount
    from {{ ref('int_payable_amounts') }} as payable
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    left join taxes using (tenant_no, period_no, invoice_version)
    left join draws using (tenant_no, period_no, invoice_version)
)

select
    period.close_id,
    period.kind,
    period.tenant_no,
    period.period_no,
    period.invoice_version,
    period.invoice_id,
    period.currency_code,
    amounts.line_count,
    amounts.is_tax_included,
    amounts.subtotal_amount::numeric(20, 4) as subtotal_amount,
    amounts.tax_amount::numeric(20, 4) as tax_amount,
    amounts.prepaid_amount::numeric(20, 4) as prepaid_amount,
    (amounts.subtotal_amount + amounts.tax_amount - amounts.prepaid_amount)::numeric(20, 4) as total_amount,
    digest.input_hash
from {{ ref('int_periods_to_rate') }} as period
inner join amounts using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_input_hashes') }} as digest using (tenant_no, period_no, invoice_version)
