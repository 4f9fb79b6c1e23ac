-- Arrivals that were not kept, told apart by comparison with the kept one: a duplicate agrees with it in quantity and
-- measurement time, a conflict does not (RULES 7). One that has become the kept one of a run is no repeat any more.
-- Where the event was folded, what came since is a duplicate; what was a conflict by then stays one.
select
    {{ identity('repeated') }},
    {{ arrival('repeated') }},
    event.stored_device_ts,
    case
        when event.load_id is not null
            then {{ is_conflict('repeated.quantity', 'repeated.device_ts', 'event.quantity', 'event.device_ts') }}
        else exists (
            select 1
            from {{ source('store', 'folded_conflicts') }} as folded
            where repeated.load_id = folded.load_id and repeated.row_number = folded.row_number
        )
    end as is_conflict
from {{ source('store', 'repeats') }} as repeated
left join lateral (
    select * from {{ ref('int_event_state') }} as state
    where
        {{ same_identity('state', 'repeated') }}
        and state.stored_device_ts = coalesce({{ row_of_run('repeated') }}, state.stored_device_ts)
        and not {{ is_seen('repeated') }}
    limit 1
) as event on true
where (event.load_id, event.row_number) is distinct from (repeated.load_id, repeated.row_number)
