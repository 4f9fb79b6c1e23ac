-- What each billed event counts: its number as delivered or as edited, and that times the calibration of its meter. The
-- difference of a register's readings is calibrated, not the readings.
select
    event.*,
    {{ calibrated('event.reading') }} as quantity
from (
    select
        {{ identity('state') }}, state.stored_device_ts, state.device_ts, state.event_at, state.period_no,
        state.disposition, state.is_skew_candidate, state.traits_no,
        {{ edited_quantity('state') }} as reading
    from {{ ref('int_event_state') }} as state
    where {{ is_billed('state.disposition') }}
) as event
{{ calibrated_by('event') }}
