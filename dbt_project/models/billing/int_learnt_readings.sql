{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_silent_stretches)") }}

-- The readings of silent registers from which their rate of use is learnt, from the one four weeks before the last, or
-- from the first, on. To close by key, to verify from those as the close found them.
with found as (
    select silence.*, reading.event_at, reading.flag, reading.quantity
    from {{ ref('int_silent_registers') }} as silence
    left join lateral {{ nearest_reading(
        'silence', 'known.event_at <= silence.silent_from_at - ' ~ estimation_lookback(), 'desc'
    ) }} as first_learnt on true
    inner join {{ source('store', 'register_uses') }} as reading
        on silence.tenant_no = reading.tenant_no
        and silence.device_no = reading.device_no
        and silence.metric_no = reading.metric_no
        and reading.event_at >= coalesce(first_learnt.event_at, '-infinity')
        and reading.event_at <= silence.silent_from_at
    where {{ reads_current('silence.kind') }} and {{ is_counted('reading.is_in_chain', 'reading.flag') }}
),

known as (
    select
        silence.*, reading.event_at, reading.flag, reading.quantity,
        max(reading.event_at) filter (
            where reading.event_at <= silence.silent_from_at - {{ estimation_lookback() }}
        ) over (
            partition by
                silence.tenant_no, silence.period_no, silence.invoice_version, silence.device_no, silence.metric_no,
                silence.silent_from_at
        ) as first_learnt_at
    from {{ ref('int_silent_registers') }} as silence
    inner join {{ ref('int_verified_registers') }} as reading
        on silence.tenant_no = reading.tenant_no
        and silence.period_no = reading.closed_period_no
        and silence.invoice_version = reading.invoice_version
        and silence.device_no = reading.device_no
        and silence.metric_no = reading.metric_no
        and silence.silent_from_at >= reading.event_at
    where silence.kind = 'verify' and reading.is_counted
)

select
    tenant_no, period_no, invoice_version, device_no, metric_no, silent_from_at, event_at, flag, quantity
from found

union all

select
    tenant_no, period_no, invoice_version, device_no, metric_no, silent_from_at, event_at, flag, quantity
from known
where first_learnt_at is null or event_at >= first_learnt_at
