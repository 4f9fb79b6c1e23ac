-- Arrivals that were not kept, told apart by comparison with the kept one: a duplicate agrees with it in quantity and
-- measurement time, a conflict does not (RULES 7).
select
    {{ identity('repeated') }},
    {{ arrival('repeated') }},
    {{ is_conflict('repeated.quantity', 'repeated.device_ts', 'event.quantity', 'event.device_ts') }} as is_conflict
from {{ source('store', 'repeats') }} as repeated
cross join lateral (
    select * from {{ ref('int_event_state') }} as state
    where {{ same_identity('state', 'repeated') }}
    limit 1
) as event
