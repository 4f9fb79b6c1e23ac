-- depends_on: {{ ref('store_asked_periods') }}
-- Due periods of the month that is closed, under the terms of today's configuration; closed ones again (RULES 31).
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
left join {{ ref('int_closed_versions') }} as versions
    on period.tenant_no = versions.tenant_no and period.period_no = versions.period_no
where request.kind = 'close' and {{ is_due('period', 'request', 'watermark') }}
