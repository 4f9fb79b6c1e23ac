-- Period and lateness of the events that this run dated: one join, because the calendar is cut beforehand.
select
    {{ identity('event') }},
    {{ arrival('event') }},
    event.stored_device_ts,
    event.timestamp_source,
    event.event_at,
    coalesce(segment.period_no, 0) as period_no,
    ({{ disposition('event.received_at', 'segment.boundary_at') }})::"char" as disposition,
    {{ is_skew_candidate('event.device_ts', 'segment.period_start_at', 'segment.period_end_at') }} as is_skew_candidate
from {{ ref('int_dated_events') }} as event
left join {{ ref('int_calendar_segments') }} as segment
    on event.tenant_no = segment.tenant_no
    and {{ utc_day('event.event_at') }} = segment.utc_day
    and event.event_at >= segment.segment_start_at
    and event.event_at < segment.segment_end_at
