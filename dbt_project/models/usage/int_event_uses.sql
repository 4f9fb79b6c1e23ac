-- Billed events with what each adds to its bucket: its quantity, or for a reading of a register its use, computed from
-- all readings of the register as they now stand.
select
    {{ identity('event') }},
    event.stored_device_ts,
    event.event_at,
    event.period_no,
    event.disposition,
    event.is_skew_candidate,
    event.quantity
from {{ ref('int_event_state') }} as event
inner join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and metric.valid_to_load is null
where {{ is_billed('event.disposition') }} and {{ is_register('metric') }} is not true

union all

select
    {{ identity() }}, stored_device_ts, event_at, period_no, disposition, is_skew_candidate, (state).use
from (
    {{ register_states(current_readings()) }}
) as stepped
