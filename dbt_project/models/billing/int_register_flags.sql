{{ config(materialized='scratch', tags=['close']) }}

-- Hours in which a register was not simply billed by its difference: to close as the chains stand, to verify as they
-- were. A rollover is billed in full and casts no doubt.
select distinct
    period.tenant_no, period.period_no, period.invoice_version, used.device_no, used.metric_no,
    {{ hour_of('used.event_at') }} as hour_at, used.flag, used.period_no = period.period_no as is_billed_here
from {{ ref('int_periods_to_rate') }} as period
inner join {{ source('store', 'periods') }} as near
    on period.tenant_no = near.tenant_no
    and near.period_end_at > period.period_start_at - {{ estimation_lookback() }}
    and near.period_start_at < period.period_end_at
inner join {{ source('store', 'register_uses') }} as used
    on near.tenant_no = used.tenant_no and near.period_no = used.period_no
where
    {{ reads_current('period.kind') }}
    and used.flag is not null
    and used.flag <> 'rollover'
    and (
        used.period_no = period.period_no
        or {{ is_learnt_from('period', 'used', hour_of('used.event_at')) }}
    )

union

select
    tenant_no, closed_period_no, invoice_version, device_no, metric_no, {{ hour_of('event_at') }} as hour_at, flag,
    is_billed_here
from {{ ref('int_verified_registers') }}
where flag is not null and flag <> 'rollover' and (is_billed_here or is_learnt_from)
