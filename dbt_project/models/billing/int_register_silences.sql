{{ config(materialized='scratch', tags=['close']) }}

-- Of each register whose device says how often it reports: the time between the last reading before a period to rate
-- and the first one in it, and the time since the last reading before the period's end. To close by key from the uses
-- of readings, to verify from those as the close found them.
with bordered as (
    select registers.*, before.event_at as before_at, first.event_at as first_at, first.flag as first_flag,
        last.event_at as last_at
    from {{ ref('int_awaited_registers') }} as registers
    left join lateral {{ nearest_reading(
        'registers', 'known.event_at < registers.period_start_at', 'desc'
    ) }} as before on true
    left join lateral {{ nearest_reading(
        'registers', 'known.event_at >= registers.period_start_at and known.event_at < registers.period_end_at', 'asc'
    ) }} as first on true
    left join lateral {{ nearest_reading('registers', 'known.event_at < registers.period_end_at', 'desc') }} as last
        on true
    where {{ reads_current('registers.kind') }}

    union all

    select registers.*, read.before_at, read.first_at, read.first_flag, read.last_at
    from {{ ref('int_awaited_registers') }} as registers
    inner join (
        select
            closed.tenant_no, closed.period_no, closed.invoice_version, reading.device_no, reading.metric_no,
            max(reading.event_at) filter (where reading.event_at < closed.period_start_at) as before_at,
            min(reading.event_at) filter (where reading.event_at >= closed.period_start_at) as first_at,
            (array_agg(reading.flag order by reading.event_at, reading.seq_epoch, reading.msg_seq) filter (
                where reading.event_at >= closed.period_start_at
            ))[1] as first_flag,
            max(reading.event_at) as last_at
        from {{ ref('int_periods_to_rate') }} as closed
        inner join {{ ref('int_verified_registers') }} as reading
            on closed.tenant_no = reading.tenant_no
            and closed.period_no = reading.closed_period_no
            and closed.invoice_version = reading.invoice_version
        where reading.is_counted
        group by closed.tenant_no, closed.period_no, closed.invoice_version, reading.device_no, reading.metric_no
    ) as read using (tenant_no, period_no, invoice_version, device_no, metric_no)
    where registers.kind = 'verify'
)

select bordered.*, silence.silent_from_at, silence.is_over
from bordered
cross join lateral (
    values (bordered.before_at, true), (bordered.last_at, false)
) as silence (silent_from_at, is_over)
where
    silence.silent_from_at is not null
    -- A new meter does not say what the old one used at the end: what was estimated stands.
    and (not silence.is_over or (bordered.first_at is not null and bordered.first_flag is distinct from 'exchange'))
