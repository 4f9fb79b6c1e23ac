-- Changes with the UTC hour they fall into.
select
    change.*,
    {{ hour_of('change.event_at') }} as bucket_start_at,
    {{ hour_of('change.event_at') }} + interval '1 hour' as bucket_end_at
from {{ ref('int_usage_changes') }} as change
