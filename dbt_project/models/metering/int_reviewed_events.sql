-- Stored events of the reviewed series as they now stand, but for those in closed periods. Series by series, by key.
select event.*
from {{ ref('int_reviewed_series') }} as series
cross join lateral (
    select
        {{ identity('state') }}, state.stored_device_ts,
        state.period_no, state.disposition, state.event_at, state.quantity, state.is_skew_candidate
    from {{ ref('int_event_state') }} as state
    where
        state.tenant_no = series.tenant_no
        and state.device_no = series.device_no
        and state.metric_no = series.metric_no
    offset 0
) as event
where not {{ is_closed('event.tenant_no', 'event.period_no') }}
