{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from config.credits)") }}

-- Credits that may pay an invoice, in the order in which they do: granted by the last day of its period and not expired
-- then. A close finds what invoices that stand left; what was closed finds what its close recorded.
with drawn as (
    select
        application.tenant_no,
        application.period_no,
        application.credit_id,
        application.amount,
        sum(application.amount) over (partition by application.tenant_no, application.credit_id) as total_amount
    from {{ source('store', 'credit_applications') }} as application
    where {{ is_newest_draw('application') }}
),

standing as (
    select distinct tenant_no, credit_id, total_amount from drawn
),

-- The close whose findings hold: an invoice's own where it is proven, those of both where one is explained by another.
found as (
    select tenant_no, period_no, invoice_version, period_no as closed_period_no, invoice_version as closed_version
    from {{ ref('int_periods_to_rate') }}
    where kind in ('verify', 'reconcile')
    union all
    select tenant_no, period_no, 0, previous_period_no, previous_invoice_version from {{ ref('int_bridge_pairs') }}
    union all
    select
        tenant_no, period_no, {{ bridge_swaps() | length }}, period_no as closed_period_no, invoice_version
    from {{ ref('int_bridge_pairs') }}
),

claims as (
    select
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        period.period_start_at,
        period.kind,
        period.kind in ('verify', 'reconcile', 'explain') as is_closed,
        credit.*
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    inner join {{ ref('stg_config__credits') }} as credit
        on period.tenant_no = credit.credited_tenant_no
        and terms.last_date >= credit.granted_date
        and terms.last_date < credit.expires_date
        and {{ in_force('credit', 'period.config_load_id') }}
)

select
    claims.tenant_no,
    claims.period_no,
    claims.invoice_version,
    claims.credit_id,
    (case
        when claims.is_closed then recorded.available_amount
        else {{ round_money('claims.amount', 'claims.currency_code') }} - coalesce(standing.total_amount, 0)
    end)::numeric(20, 4) as balance_amount,
    -- What the version before drew is there for this one.
    (case when claims.is_closed then 0 else coalesce(own.amount, 0) end)::numeric(20, 4) as own_amount,
    row_number() over (
        partition by claims.tenant_no, claims.period_no, claims.invoice_version
        order by claims.priority, claims.expires_date, claims.granted_date, claims.credit_id collate "C"
    )::integer as payment_no,
    -- One close bills several periods of a tenant; all else stands by itself.
    case when claims.kind = 'close' then 0 else claims.period_no end as group_no,
    case when claims.kind = 'close' then 0 else claims.invoice_version end as group_version,
    claims.period_start_at
from claims
left join found using (tenant_no, period_no, invoice_version)
left join {{ source('store', 'credit_applications') }} as recorded
    on claims.tenant_no = recorded.tenant_no
    and found.closed_period_no = recorded.period_no
    and found.closed_version = recorded.invoice_version
    and claims.credit_id = recorded.credit_id
left join standing on claims.tenant_no = standing.tenant_no and claims.credit_id = standing.credit_id
left join drawn as own
    on claims.tenant_no = own.tenant_no and claims.period_no = own.period_no and claims.credit_id = own.credit_id
where not claims.is_closed or recorded.credit_id is not null
