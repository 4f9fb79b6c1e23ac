-- Levels of a month of the event store with which an open period begins: billed by time, and ended neither by a later
-- reading nor by the end of the device's service before it. Which periods come is known as far as they are made.
with timed_metrics as (
    select registered.metric_no
    from {{ ref('stg_config__rate_cards') }} as card
    inner join {{ source('registry', 'metrics') }} as registered on card.metric = registered.metric
    where card.charge_basis = 'time_weighted' and card.valid_to_load is null
),

last_readings as (
    select month.month_start_at, reading.tenant_no, reading.device_no, reading.metric_no, reading.event_at
    from {{ source('store', 'months') }} as month
    cross join lateral (
        select state.tenant_no, state.device_no, state.metric_no, max(state.event_at) as event_at
        from {{ ref('int_event_state') }} as state
        where
            state.stored_device_ts >= month.month_start_at
            and state.stored_device_ts < month.month_end_at
            and {{ is_billed('state.disposition') }}
            and state.metric_no in (select timed.metric_no from timed_metrics as timed)
            -- Where nothing is billed by time, no event is looked at.
            and exists (select 1 from timed_metrics)
        group by state.tenant_no, state.device_no, state.metric_no
    ) as reading
),

ended as {% if is_spread() %}materialized{% endif %} (
    select
        reading.*,
        least(
            (
                select min(later.event_at) from {{ ref('int_metered_events') }} as later
                where
                    later.tenant_no = reading.tenant_no
                    and later.device_no = reading.device_no
                    and later.metric_no = reading.metric_no
                    and later.event_at > reading.event_at
            ),
            (
                select min(device.retired_at) from {{ ref('stg_config__devices') }} as device
                where device.device_no = reading.device_no and device.valid_to_load is null
            )
        ) as ended_at
    from last_readings as reading
)

select ended.month_start_at, ended.tenant_no, ended.device_no, ended.metric_no, ended.event_at
from ended
where
    not exists (
        select 1 from {{ source('store', 'periods') }} as period
        where period.tenant_no = ended.tenant_no and period.period_end_at >= ended.ended_at
    )
    or exists (
        select 1 from {{ source('store', 'periods') }} as period
        where
            period.tenant_no = ended.tenant_no
            and period.period_start_at > ended.event_at
            and period.period_start_at < ended.ended_at
            and not {{ is_closed('period.tenant_no', 'period.period_no') }}
    )
