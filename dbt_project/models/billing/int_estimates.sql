{{ config(materialized='scratch', tags=['close']) }}

-- Everything that is billed and was not read: hours without a reading, registers without a last one, and what is taken
-- back of both. Of a period whose events were folded, what its close recorded is all there is.
with rated as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, bucket_start_at, method, quantity
    from {{ ref('int_estimated_hours') }}
    union all
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, bucket_start_at, method, quantity
    from {{ ref('int_estimated_registers') }}
)

select rated.*
from rated
inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
where period.kind <> 'verify' or not {{ is_folded('period') }}

union all

select
    closed.tenant_no, closed.period_no, closed.invoice_version, closed.device_no, closed.metric_no,
    closed.bucket_start_at, closed.method, closed.quantity
from {{ ref('int_periods_to_rate') }} as period
inner join {{ source('store', 'closed_estimates') }} as closed using (tenant_no, period_no, invoice_version)
where period.kind = 'verify' and {{ is_folded('period') }}
