{{ config(materialized='scratch', tags=['close']) }}

-- Everything that is billed and was not read: hours without a reading, registers without a last one, and what is taken
-- back of both. Of a period whose events were folded, what its close recorded is all there is.
with rated as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, bucket_start_at, method, quantity
    from {{ ref('int_estimated_hours') }}
    where rated_period_no = period_no
    union all
    -- A reading that came late and is billed here takes the place of what its own period billed for its hour.
    select
        late.tenant_no, late.period_no, late.invoice_version, late.device_no, late.metric_no, late.bucket_start_at,
        'true_up' as method, -estimate.quantity as quantity
    from {{ ref('int_deferred_hours') }} as late
    inner join {{ ref('int_estimated_hours') }} as estimate
        on late.tenant_no = estimate.tenant_no
        and late.period_no = estimate.rated_period_no
        and late.measured_period_no = estimate.period_no
        and late.invoice_version = estimate.invoice_version
        and late.device_no = estimate.device_no
        and late.metric_no = estimate.metric_no
        and late.bucket_start_at = estimate.bucket_start_at
    where estimate.quantity <> 0
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
