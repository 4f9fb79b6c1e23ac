-- Open periods to preview, up to an instant; and the last closed period of every tenant whose contract on the card goes
-- on, and of every test tenant, once by the prices as they stand (1) and once by the candidate of a simulation (2).
with latest as (
    select distinct on (tenant_no) *
    from {{ source('store', 'period_closes') }}
    order by tenant_no, period_start_at desc, invoice_version desc
),

periods as (
    select
        request.*, period.tenant_no, period.period_no, 1 as invoice_version, period.contract_id,
        period.period_start_at, period.period_end_at, period.boundary_at, period.proration_numerator,
        period.proration_denominator, {{ as_of('request', 'watermark') }} as estimated_until_at,
        null::text as priced_card_id, null::integer as priced_by_version, null::integer as left_out_version
    from {{ ref('int_close_request') }} as request
    inner join {{ source('store', 'periods') }} as period on request.kind = 'preview'
    inner join {{ ref('int_tenant_watermarks') }} as watermark on period.tenant_no = watermark.tenant_no
    where {{ is_previewed('period', 'request', 'watermark') }}

    union all

    select
        request.*, closed.tenant_no, closed.period_no, variant.number, closed.contract_id, closed.period_start_at,
        closed.period_end_at, closed.closed_at, closed.proration_numerator, closed.proration_denominator, null,
        request.rate_card_id,
        case variant.number when 1 then request.against_version when 2 then request.rate_card_version end,
        case variant.number when 1 then request.rate_card_version end
    from {{ ref('int_close_request') }} as request
    inner join latest as closed on request.kind = 'simulate'
    inner join {{ ref('stg_config__contracts') }} as contract
        on closed.tenant_no = contract.tenant_no
        and closed.contract_id = contract.contract_id
        and closed.period_end_at < contract.ends_at
        and {{ in_force('contract', 'request.config_load_id') }}
    inner join {{ ref('stg_config__tenants') }} as tenant
        on closed.tenant_no = tenant.tenant_no and {{ in_force('tenant', 'request.config_load_id') }}
    cross join (values (1), (2)) as variant (number)
    where
        contract.rate_card_id = request.rate_card_id
        or (
            contract.cohort = {{ test_cohort() }}
            and exists (
                select 1 from {{ ref('stg_config__rate_cards') }} as card
                where
                    card.rate_card_id = request.rate_card_id
                    and card.currency_code = tenant.currency_code
                    and {{ in_force('card', 'request.config_load_id') }}
            )
        )
)

select
    close_id, kind, tenant_no, period_no, invoice_version, config_load_id, last_load_id,
    statement_timestamp() as recorded_at,
    contract_id, period_start_at, period_end_at, boundary_at, proration_numerator, proration_denominator,
    period_no as terms_period_no, estimated_until_at,
    priced_card_id as rate_card_id, priced_by_version, left_out_version
from periods
