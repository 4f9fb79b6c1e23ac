-- Billed events that the claimed loads edited, as they now count.
select
    edited.load_id,
    {{ identity('edited') }},
    edited.stored_device_ts,
    event.period_no,
    event.event_at,
    event.is_skew_candidate,
    edited.old_quantity
from {{ ref('int_claimed_edits') }} as edited
cross join lateral (
    select * from {{ ref('int_metered_events') }} as known
    where {{ same_identity('known', 'edited') }} and known.stored_device_ts = edited.stored_device_ts
    limit 1
) as event
