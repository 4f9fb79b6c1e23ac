{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- What is to be closed, rated again or only tried, with the terms of its contract.
{%- set wanted = ['close_id', 'kind', 'tenant_no', 'period_no', 'invoice_version', 'config_load_id', 'last_load_id',
    'recorded_at', 'contract_id', 'period_start_at', 'period_end_at', 'boundary_at', 'proration_numerator',
    'proration_denominator', 'terms_period_no'] %}
with wanted as (
    {%- for periods in (ref('int_periods_to_close'), ref('int_closes_to_rate'), ref('int_trial_periods')) %}
    select {{ wanted | join(', ') }} from {{ periods }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
)

select
    wanted.*,
    tenant.tenant_id,
    period.period_start_date,
    'INV-' || tenant.tenant_id || '-' || period.period_start_date::text as invoice_id,
    tenant.currency_code,
    tenant.legal_entity,
    coalesce(trial.rate_card_id, contract.rate_card_id) as rate_card_id,
    first_terms.cohort,
    trial.priced_by_version,
    trial.left_out_version,
    trial.estimated_until_at,
    -- What was decided about a price after a period's first close is not for it, nor is another cohort.
    coalesce(versions.first_recorded_at, wanted.recorded_at) as decided_before,
    contract.time_zone,
    contract.estimation,
    contract.load_profile,
    contract.invoice_approval,
    contract.billing_cycle,
    contract.anchor_day,
    -- Empty leaves it to the card, 0 says that there is none.
    contract.minimum_spend_amount,
    contract.maximum_spend_amount,
    contract.commitment_amount,
    contract.tax_jurisdiction,
    coalesce(contract.tax_percent, 0) as tax_percent
from wanted
inner join {{ source('store', 'periods') }} as period on wanted.terms_period_no = period.period_no
inner join {{ ref('stg_config__contracts') }} as contract
    on wanted.tenant_no = contract.tenant_no
    and wanted.contract_id = contract.contract_id
    and {{ in_force('contract', 'wanted.config_load_id') }}
inner join {{ ref('stg_config__tenants') }} as tenant
    on wanted.tenant_no = tenant.tenant_no and {{ in_force('tenant', 'wanted.config_load_id') }}
left join {{ ref('int_closed_versions') }} as versions
    on wanted.tenant_no = versions.tenant_no
    and wanted.terms_period_no = versions.period_no
    and wanted.kind <> 'simulate'
left join {{ ref('stg_config__contracts') }} as first_terms
    on wanted.tenant_no = first_terms.tenant_no
    and wanted.contract_id = first_terms.contract_id
    and {{ in_force('first_terms', 'coalesce(versions.first_config_load_id, wanted.config_load_id)') }}
left join {{ ref('int_trial_periods') }} as trial
    on wanted.tenant_no = trial.tenant_no
    and wanted.period_no = trial.period_no
    and wanted.invoice_version = trial.invoice_version
