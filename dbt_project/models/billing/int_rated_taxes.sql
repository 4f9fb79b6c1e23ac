{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- Each tax once per invoice, on what its lines come to, rounded (RULES 28); less what credits paid before tax.
with draws as (
    select tenant_no, period_no, invoice_version, sum(amount) as amount
    from {{ ref('int_credit_draws') }}
    group by tenant_no, period_no, invoice_version
),

bases as (
    select
        tenant_no,
        period_no,
        invoice_version,
        payable.lines_amount
        - case when terms.has_credits_before_tax then coalesce(draws.amount, 0) else 0 end as amount
    from {{ ref('int_payable_amounts') }} as payable
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    left join draws using (tenant_no, period_no, invoice_version)
),

taxed as (
    select
        tax.*,
        terms.tax_behavior,
        base.amount as base_amount,
        {{ tax_on('base.amount', 'tax', 'terms') }} as tax_amount
    from {{ ref('int_period_taxes') }} as tax
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    inner join bases as base using (tenant_no, period_no, invoice_version)
)

select
    tenant_no,
    period_no,
    invoice_version,
    jurisdiction,
    tax,
    percent::numeric(20, 10) as percent,
    (
        base_amount - case
            when tax_behavior = 'inclusive'
                then sum(tax_amount) over (partition by tenant_no, period_no, invoice_version)
            else 0
        end
    )::numeric(20, 4) as taxable_amount,
    tax_amount::numeric(20, 4) as tax_amount
from taxed
