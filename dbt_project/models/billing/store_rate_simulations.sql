{{ config(
    materialized='store',
    into='rate_simulations',
    tags=['close'],
    post_hook=["{{ finish_close_request('simulate') }}"]
) }}

-- Both variants of a simulation side by side, each with the version of the card that prices it, or its first days.
with versions as (
    select
        tenant_no, period_no, invoice_version,
        max(rate_card_version) filter (where priced_from_date is null) as rate_card_version
    from {{ ref('int_period_prices') }}
    group by tenant_no, period_no, invoice_version
),

variants as (
    select
        rated.close_id, rated.tenant_no, rated.period_no, rated.invoice_version, rated.currency_code,
        -- Prepaid credit is a way to pay, and hides no difference of price.
        rated.total_amount + rated.prepaid_amount as total_amount,
        period.cohort, period.rate_card_id, versions.rate_card_version
    from {{ ref('int_rated_invoices') }} as rated
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    left join versions using (tenant_no, period_no, invoice_version)
    where rated.kind = 'simulate'
)

select
    standing.close_id,
    standing.tenant_no,
    standing.period_no,
    standing.cohort,
    standing.rate_card_id,
    standing.rate_card_version as current_version,
    candidate.rate_card_version as candidate_version,
    standing.currency_code,
    standing.total_amount as current_amount,
    candidate.total_amount as candidate_amount
from variants as standing
inner join variants as candidate
    on standing.tenant_no = candidate.tenant_no and standing.period_no = candidate.period_no
where standing.invoice_version = 1 and candidate.invoice_version = 2
