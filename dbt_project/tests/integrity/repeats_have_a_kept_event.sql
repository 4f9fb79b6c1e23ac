{{ config(tags=['audit']) }}

-- An arrival is a repeat of something: each has its event, which was received no later, and none is
-- at the same time the kept arrival.
select repeated.*
from {{ source('store', 'repeats') }} as repeated
left join {{ ref('int_event_state') }} as event on {{ same_identity('event', 'repeated') }}
where
    event.load_id is null
    or event.received_at > repeated.received_at
    or (event.load_id, event.row_number) = (repeated.load_id, repeated.row_number)
