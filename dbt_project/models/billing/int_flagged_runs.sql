{{ config(materialized='scratch', tags=['close']) }}

-- Hours one after the other with the same flag. Where events of the period or the four weeks before were folded, what
-- the close recorded is all there is. A message may say of itself what the platform says of its hour: one flag.
with hours as (
    select
        hour.tenant_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no, hour.hour_at, hour.flag,
        max(hour.quantity) as quantity, min(hour.limit_value) as limit_value
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('int_flagged_hours') }} as hour using (tenant_no, period_no, invoice_version)
    where {{ is_judged_again('period') }}
    group by
        hour.tenant_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no, hour.hour_at, hour.flag
),

numbered as (
    select
        *,
        hour_at - interval '1 hour' * row_number() over (
            partition by tenant_no, period_no, invoice_version, device_no, metric_no, flag order by hour_at
        ) as run_at
    from hours
)

select
    tenant_no, period_no, invoice_version, device_no, metric_no, flag,
    min(hour_at) as first_hour_at,
    max(hour_at) as last_hour_at,
    sum(quantity)::numeric(30, 10) as quantity,
    min(limit_value)::numeric(30, 10) as limit_value
from numbered
group by tenant_no, period_no, invoice_version, device_no, metric_no, flag, run_at

union all

select
    recorded.tenant_no, recorded.period_no, recorded.invoice_version, recorded.device_no, recorded.metric_no,
    recorded.flag, recorded.first_hour_at, recorded.last_hour_at, recorded.quantity, recorded.limit_value
from {{ ref('int_periods_to_rate') }} as period
inner join {{ source('store', 'closed_flags') }} as recorded using (tenant_no, period_no, invoice_version)
where period.kind = 'verify' and not {{ is_judged_again('period') }}
