-- The month that is being archived; where it lies is a matter of the event as it was stored.
select *
from {{ ref('int_told_events') }}
where {{ is_in_month_that_leaves('stored_device_ts') }}
