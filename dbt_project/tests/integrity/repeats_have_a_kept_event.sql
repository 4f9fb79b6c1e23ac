{{ config(meta={'dagster': {'ref': {'name': 'int_event_state'}}}, tags=['audit']) }}

-- An arrival is a repeat of something: each has the event of its run, which was received no later. One that a later
-- load made the kept one of a run is that event; the event of a folded month is in the ledger of seen sequences.
select repeated.*
from {{ source('store', 'repeats') }} as repeated
left join {{ ref('int_event_state') }} as event
    on
        {{ same_identity('event', 'repeated') }}
        and event.stored_device_ts = coalesce({{ row_of_run('repeated') }}, event.stored_device_ts)
        and not {{ is_seen('repeated') }}
where
    (event.load_id is null and not {{ is_seen('repeated') }})
    or event.received_at > repeated.received_at
