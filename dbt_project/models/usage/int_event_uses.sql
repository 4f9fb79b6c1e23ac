-- Billed events with what each adds to its bucket: what it counts, or for a reading of a register its use, computed
-- from all readings of the register as they now stand.
select
    {{ identity('event') }},
    event.stored_device_ts,
    event.event_at,
    event.period_no,
    event.disposition,
    event.is_skew_candidate,
    event.quantity
from {{ ref('int_metered_events') }} as event
inner join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and metric.valid_to_load is null
where {{ is_register('metric') }} is not true

union all

select
    {{ identity('stepped') }}, stepped.stored_device_ts, stepped.event_at, stepped.period_no, stepped.disposition,
    stepped.is_skew_candidate, {{ calibrated('(stepped.state).use') }}
from (
    {{ register_states(current_readings()) }}
) as stepped
{{ calibrated_by('stepped') }}
