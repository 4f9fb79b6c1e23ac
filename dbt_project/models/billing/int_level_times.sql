{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_over_events(),
    only_when="exists (select 1 from billing.int_period_prices where charge_basis = 'time_weighted')"
) }}

-- Levels of devices times the seconds for which they stood, where a card charges for them. A level stands from its
-- reading to the next one of the device, the last one before the period from the period's start on; to close from the
-- events, to verify as the close found them. What is billed in a later period was not known yet.
with asked as (
    select distinct period.*, registered.metric_no
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ source('registry', 'metrics') }} as registered on price.metric = registered.metric
    where price.charge_basis = 'time_weighted' and period.kind <> 'explain'
),

readings as (
    select
        {{ identity('event') }}, event.stored_device_ts, asked.period_no, asked.invoice_version, event.event_at,
        event.quantity, event.period_no as billed_period_no
    from asked
    inner join {{ ref('int_metered_events') }} as event
        on asked.tenant_no = event.tenant_no
        and asked.metric_no = event.metric_no
        and asked.period_end_at > event.event_at
    where {{ reads_current('asked.kind') }}

    union all

    select
        {{ identity('event') }}, event.stored_device_ts, event.closed_period_no, event.invoice_version, event.event_at,
        event.quantity, event.period_no
    from (
        {{ events_as_of_close(
            'closed.metric_no = states.metric_no and closed.period_end_at > states.event_at',
            "(select * from asked where kind in ('verify', 'reconcile')) as again"
        ) }}
    ) as event

    union all

    select
        {{ identity('late') }}, late.stored_device_ts, late.period_no, asked.invoice_version, late.event_at,
        late.quantity, late.period_no as billed_period_no
    from asked
    inner join {{ ref('int_rejected_events') }} as late using (tenant_no, period_no, metric_no)
    where asked.kind = 'reconcile'
),

levels as (
    select
        reading.*, asked.period_start_at,
        least(asked.period_end_at, asked.estimated_until_at) as period_until_at, asked.config_load_id,
        lead(reading.event_at) over (
            partition by
                reading.tenant_no, reading.period_no, reading.invoice_version, reading.metric_no, reading.device_no
            order by reading.event_at, reading.seq_epoch, reading.stored_device_ts, reading.msg_seq
        ) as next_event_at
    from readings as reading
    inner join asked using (tenant_no, period_no, invoice_version, metric_no)
    inner join {{ source('store', 'periods') }} as billed on reading.billed_period_no = billed.period_no
    where billed.period_start_at <= asked.period_start_at
)

select
    level.tenant_no, level.period_no, level.invoice_version, level.metric_no, level.device_no,
    sum(level.quantity * extract(epoch from stood.until_at - stood.from_at)) as level_seconds
from levels as level
left join {{ ref('stg_config__devices') }} as device
    on level.device_no = device.device_no and {{ in_force('device', 'level.config_load_id') }}
cross join lateral (
    select
        greatest(level.event_at, level.period_start_at, device.activated_at) as from_at,
        least(level.next_event_at, level.period_until_at, device.retired_at) as until_at
) as stood
where stood.from_at < stood.until_at
group by level.tenant_no, level.period_no, level.invoice_version, level.metric_no, level.device_no
