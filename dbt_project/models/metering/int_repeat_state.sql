-- Arrivals that were not kept, told apart by comparison with the kept one: a duplicate agrees with it in quantity and
-- measurement time, a conflict does not (RULES 7). One that has become the kept one of a run is no repeat any more.
select
    {{ identity('repeated') }},
    {{ arrival('repeated') }},
    {{ is_conflict('repeated.quantity', 'repeated.device_ts', 'event.quantity', 'event.device_ts') }} as is_conflict
from {{ source('store', 'repeats') }} as repeated
cross join lateral (
    select * from {{ ref('int_event_state') }} as state
    where
        {{ same_identity('state', 'repeated') }}
        and state.stored_device_ts = coalesce({{ row_of_run('repeated') }}, state.stored_device_ts)
    limit 1
) as event
where (event.load_id, event.row_number) <> (repeated.load_id, repeated.row_number)
