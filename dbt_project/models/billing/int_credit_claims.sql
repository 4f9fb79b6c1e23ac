{{ config(materialized='scratch', tags=['close']) }}

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

claims as (
    select
        period.tenant_no,
        period.period_no,
        period.invoice_version,
        period.period_start_at,
        period.kind,
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
        when claims.kind in ('verify', 'reconcile') then recorded.available_amount
        else {{ round_money('claims.amount', 'claims.currency_code') }} - coalesce(standing.total_amount, 0)
    end)::numeric(20, 4) as balance_amount,
    -- What the version before drew is there for this one.
    (case when claims.kind in ('verify', 'reconcile') then 0 else coalesce(own.amount, 0) end)::numeric(20, 4)
        as own_amount,
    row_number() over (
        partition by claims.tenant_no, claims.period_no, claims.invoice_version
        order by claims.priority, claims.expires_date, claims.granted_date, claims.credit_id collate "C"
    )::integer as payment_no,
    -- One close bills several periods of a tenant; all else stands by itself.
    case when claims.kind = 'close' then 0 else claims.period_no end as group_no,
    case when claims.kind = 'close' then 0 else claims.invoice_version end as group_version,
    claims.period_start_at
from claims
left join {{ source('store', 'credit_applications') }} as recorded
    using (tenant_no, period_no, invoice_version, credit_id)
left join standing using (tenant_no, credit_id)
left join drawn as own using (tenant_no, period_no, credit_id)
where claims.kind not in ('verify', 'reconcile') or recorded.credit_id is not null
