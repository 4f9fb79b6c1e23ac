{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- The periods that the open close request asks for and that are due, with contract terms where they are configured, and
-- the tenant's period before, if that was closed.
select
    period.tenant_no,
    period.period_no,
    period.period_id,
    period.contract_id,
    period.period_start_at,
    period.period_end_at,
    period.proration_numerator as day_count,
    rated.invoice_version,
    rated.rate_card_id,
    rated.currency_code,
    before.period_no as previous_period_no,
    before.invoice_version as previous_invoice_version,
    before.proration_numerator as previous_day_count
from {{ ref('int_close_request') }} as request
inner join {{ ref('int_named_periods') }} as period on request.period_month = period.last_local_month
left join {{ ref('int_tenant_watermarks') }} as watermark on period.tenant_no = watermark.tenant_no
left join {{ ref('int_periods_to_rate') }} as rated
    on period.tenant_no = rated.tenant_no and period.period_no = rated.period_no
left join lateral (
    select closed.period_no, closed.invoice_version, closed.proration_numerator
    from {{ source('store', 'period_closes') }} as closed
    where closed.tenant_no = period.tenant_no and closed.period_end_at = period.period_start_at
    order by closed.invoice_version desc
    limit 1
) as before on true
where request.kind = 'close' and {{ is_due('period', 'request', 'watermark') }}
