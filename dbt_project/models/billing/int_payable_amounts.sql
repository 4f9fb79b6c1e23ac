{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- What the lines of an invoice come to, and what of it prepaid credits may pay: after tax, or before it where the card
-- says so.
with sums as (
    select
        terms.tenant_no,
        terms.period_no,
        terms.invoice_version,
        count(line.line_number)::integer as line_count,
        coalesce(sum(line.amount), 0) as lines_amount
    from {{ ref('int_period_terms') }} as terms
    left join {{ ref('int_rated_lines') }} as line using (tenant_no, period_no, invoice_version)
    group by terms.tenant_no, terms.period_no, terms.invoice_version
),

-- Only where credits pay it: what the lines contain is in their sum, and before tax there is none.
taxes as (
    select tenant_no, period_no, invoice_version, sum({{ tax_on('sums.lines_amount', 'tax', 'terms') }}) as amount
    from sums
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_taxes') }} as tax using (tenant_no, period_no, invoice_version)
    where terms.tax_behavior = 'exclusive' and not terms.has_credits_before_tax
    group by tenant_no, period_no, invoice_version
)

select
    tenant_no,
    period_no,
    invoice_version,
    sums.line_count,
    sums.lines_amount::numeric(20, 4) as lines_amount,
    (sums.lines_amount + coalesce(taxes.amount, 0))::numeric(20, 4) as payable_amount
from sums
left join taxes using (tenant_no, period_no, invoice_version)
