-- The month that is being archived; where it lies is a matter of the event as it was stored.
select event.*
from {{ ref('int_told_events') }} as event
cross join ({{ month_that_leaves() }}) as fold
where event.stored_device_ts >= fold.month_start_at and event.stored_device_ts < fold.month_end_at
