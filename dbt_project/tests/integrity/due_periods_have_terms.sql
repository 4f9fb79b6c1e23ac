{{ config(meta={'dagster': {'ref': {'name': 'int_periods_to_rate'}}}) }}

-- A period with use that is due for the first time is rated, or the close says that its contract is gone.
select
    period.tenant_no,
    period.period_start_date,
    format('contract %s or its tenant is not configured, but the period has use', period.contract_id) as problem
from {{ ref('int_close_request') }} as request
inner join {{ source('store', 'periods') }} as period on request.period_month = period.last_local_month
left join {{ ref('int_tenant_watermarks') }} as watermark on period.tenant_no = watermark.tenant_no
left join {{ ref('int_periods_to_rate') }} as rated
    on period.tenant_no = rated.tenant_no and period.period_no = rated.period_no
where
    request.kind = 'close'
    and {{ is_due('period', 'request', 'watermark') }}
    and rated.period_no is null
    and not exists (
        select 1 from {{ source('store', 'period_closes') }} as closed
        where closed.tenant_no = period.tenant_no and closed.period_no = period.period_no
    )
    and exists (
        select 1 from {{ source('store', 'usage_days') }} as usage
        where usage.tenant_no = period.tenant_no and usage.period_no = period.period_no and usage.event_count > 0
    )
