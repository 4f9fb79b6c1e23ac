{{ config(materialized='scratch', tags=['close']) }}

-- Each tax once per invoice, on what its lines come to, rounded (RULES 28); less what credits paid before tax.
with bases as (
    select
        payable.tenant_no,
        payable.period_no,
        payable.invoice_version,
        payable.lines_amount - coalesce(
            (
                select sum(draw.amount)
                from {{ ref('int_credit_draws') }} as draw
                where
                    terms.has_credits_before_tax
                    and draw.tenant_no = payable.tenant_no
                    and draw.period_no = payable.period_no
                    and draw.invoice_version = payable.invoice_version
            ), 0
        ) as amount
    from {{ ref('int_payable_amounts') }} as payable
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
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
