{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- What is agreed about the invoice as a whole: by the card version that prices the period, unless the contract says
-- otherwise.
with versions as (
    select distinct on (tenant_no, period_no, invoice_version)
        tenant_no,
        period_no,
        invoice_version,
        rate_card_id,
        rate_card_version
    from {{ ref('int_period_prices') }}
    order by tenant_no, period_no, invoice_version, effective_from_date, rate_card_version
)

select
    period.tenant_no,
    period.period_no,
    period.invoice_version,
    period.kind,
    period.currency_code,
    period.tax_jurisdiction,
    period.tax_percent,
    coalesce(terms.rounding_mode, 'half_up') as rounding_mode,
    coalesce(terms.is_total_from_unrounded, false) as is_total_from_unrounded,
    coalesce(terms.tax_behavior, 'exclusive') as tax_behavior,
    coalesce(terms.has_credits_before_tax, false) as has_credits_before_tax,
    coalesce(period.minimum_spend_amount, terms.minimum_spend_amount, 0) as minimum_spend_amount,
    coalesce(period.maximum_spend_amount, terms.maximum_spend_amount) as maximum_spend_amount,
    coalesce(period.commitment_amount, terms.commitment_amount) as commitment_amount,
    terms.annual_minimum_amount,
    coalesce(terms.overage_factor, 1) as overage_factor,
    coalesce(terms.is_commitment_trued_up, true) as is_commitment_trued_up,
    coalesce(terms.proration, 'day') as proration,
    coalesce(terms.proration_end, 'exclusive') as proration_end,
    case
        when terms.proration_end = 'inclusive' and {{ is_in_force_since_change('inclusive_end_of_devices', 'period') }}
            then 'inclusive'
        else 'exclusive'
    end as device_end,
    {{ local_date("period.period_end_at - interval '1 microsecond'", 'period.time_zone') }} as last_date
from {{ ref('int_periods_to_rate') }} as period
left join versions using (tenant_no, period_no, invoice_version)
left join {{ ref('stg_config__rate_card_terms') }} as terms
    on versions.rate_card_id = terms.rate_card_id
    and versions.rate_card_version = terms.rate_card_version
    and {{ in_force('terms', 'period.config_load_id') }}
