-- The month that is being archived; where it lies is a matter of the event as it was stored. Its bounds are asked for
-- one by one: joined to them, all months would be made into what is told of an event before the one is taken.
select *
from {{ ref('int_told_events') }}
where
    stored_device_ts >= (select fold.month_start_at from ({{ month_that_leaves() }}) as fold)
    and stored_device_ts < (select fold.month_end_at from ({{ month_that_leaves() }}) as fold)
