-- Changes with the local day of the contract that they fall into.
select
    change.*,
    segment.local_day_start_at as bucket_start_at,
    segment.local_day_end_at as bucket_end_at
from {{ ref('int_usage_changes') }} as change
inner join {{ ref('int_calendar_segments') }} as segment
    on change.tenant_no = segment.tenant_no
    and {{ utc_day('change.event_at') }} = segment.utc_day
    and change.event_at >= segment.segment_start_at
    and change.event_at < segment.segment_end_at
