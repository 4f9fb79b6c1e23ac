{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}
-- depends_on: {{ ref('store_asked_periods') }}

-- Due periods under the terms of today's configuration, closed ones again (RULES 31); or, under the terms and bounds
-- that their close recorded, to verify every version ever closed, to reconcile the newest where late use was rejected;
-- or what is only tried.
{%- set wanted = ['close_id', 'kind', 'tenant_no', 'period_no', 'invoice_version', 'config_load_id', 'last_load_id',
    'recorded_at', 'contract_id', 'period_start_at', 'period_end_at', 'boundary_at', 'proration_numerator',
    'proration_denominator', 'terms_period_no'] %}
with versions as (
    select
        tenant_no, period_no, max(invoice_version) as invoice_version, min(recorded_at) as first_recorded_at,
        min(config_load_id) as first_config_load_id
    from {{ source('store', 'period_closes') }}
    group by tenant_no, period_no
),

due as (
    select
        request.close_id,
        request.kind,
        period.tenant_no,
        period.period_no,
        coalesce(versions.invoice_version, 0) + 1 as invoice_version,
        request.config_load_id,
        greatest(request.last_load_id, (select max(load_id) from {{ source('ledger', 'loads') }})) as last_load_id,
        statement_timestamp() as recorded_at,
        period.contract_id,
        period.period_start_at,
        period.period_end_at,
        period.boundary_at,
        period.proration_numerator,
        period.proration_denominator,
        period.period_no as terms_period_no
    from {{ ref('int_close_request') }} as request
    inner join {{ source('store', 'periods') }} as period on request.period_month = period.last_local_month
    left join {{ ref('int_tenant_watermarks') }} as watermark on period.tenant_no = watermark.tenant_no
    left join versions on period.tenant_no = versions.tenant_no and period.period_no = versions.period_no
    where request.kind = 'close' and {{ is_due('period', 'request', 'watermark') }}
),

closed as (
    select
        closed.close_id,
        request.kind,
        closed.tenant_no,
        closed.period_no,
        closed.invoice_version,
        closed.config_load_id,
        closed.last_load_id,
        closed.recorded_at,
        closed.contract_id,
        closed.period_start_at,
        closed.period_end_at,
        closed.closed_at as boundary_at,
        closed.proration_numerator,
        closed.proration_denominator,
        closed.period_no as terms_period_no
    from {{ ref('int_close_request') }} as request
    cross join {{ source('store', 'period_closes') }} as closed
    left join versions on closed.tenant_no = versions.tenant_no and closed.period_no = versions.period_no
    where
        request.kind = 'verify'
        or (
            request.kind = 'reconcile'
            and closed.invoice_version = versions.invoice_version
            and (closed.tenant_no, closed.period_no) in (
                select late.tenant_no, late.period_no from {{ ref('int_rejected_events') }} as late
            )
        )
),

-- The variants of a bridge from one invoice to the next: the terms and prices of the one before, of the other at last.
explained as (
    select
        pair.close_id,
        'explain' as kind,
        pair.tenant_no,
        pair.period_no,
        variant.variant_no as invoice_version,
        terms.config_load_id,
        terms.last_load_id,
        terms.recorded_at,
        terms.contract_id,
        terms.period_start_at,
        terms.period_end_at,
        terms.closed_at as boundary_at,
        days.proration_numerator,
        days.proration_denominator,
        terms.period_no as terms_period_no
    from {{ ref('int_bridge_pairs') }} as pair
    cross join {{ bridge_variants() }} as variant (variant_no)
    inner join {{ source('store', 'period_closes') }} as terms
        on pair.tenant_no = terms.tenant_no
        and (terms.period_no, terms.invoice_version) = {{ bridged_close('pair', 'variant.variant_no', 'price') }}
    inner join {{ source('store', 'period_closes') }} as days
        on pair.tenant_no = days.tenant_no
        and (days.period_no, days.invoice_version) = {{ bridged_close('pair', 'variant.variant_no', 'days') }}
),

wanted as (
    select * from due
    union all
    select * from closed
    union all
    select * from explained
    union all
    select {{ wanted | join(', ') }} from {{ ref('int_trial_periods') }}
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
left join versions
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
