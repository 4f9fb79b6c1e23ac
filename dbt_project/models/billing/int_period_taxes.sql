{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- The taxes of a period: those of the contract's jurisdiction in force on the period's last local date, or the one
-- percentage of the contract.
with jurisdictions as (
    select distinct on (period.tenant_no, period.period_no, period.invoice_version, tax.tax)
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        tax.jurisdiction,
        tax.tax,
        tax.percent
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    inner join {{ ref('stg_config__taxes') }} as tax
        on period.tax_jurisdiction = tax.jurisdiction
        and terms.last_date >= tax.effective_from_date
        and {{ in_force('tax', 'period.config_load_id') }}
    order by period.tenant_no, period.period_no, period.invoice_version, tax.tax, tax.effective_from_date desc
),

taxes as (
    select * from jurisdictions
    union all
    select tenant_no, period_no, invoice_version, null, 'tax', tax_percent from {{ ref('int_periods_to_rate') }}
)

select
    *,
    sum(percent) over (partition by tenant_no, period_no, invoice_version) as total_percent
from taxes
where percent > 0
