{{ config(materialized='scratch', tags=['load']) }}

-- Identities with more than one arrival, or one that the store may know: all their arrivals, ranked anew.
-- The high-water mark settles most messages without a look at the store; the rest probe it by key.
with in_batch as (
    select * from {{ ref('int_messages') }} where reason is null
),

known as (
    select {{ identity('message') }}, stored.stored_device_ts, {{ arrival('stored') }}
    from in_batch as message
    inner join {{ source('store', 'high_water') }} as mark
        on message.tenant_no = mark.tenant_no
        and message.device_no = mark.device_no
        and message.metric_no = mark.metric_no
        and message.seq_epoch = mark.seq_epoch
        and message.msg_seq <= mark.msg_seq
    cross join lateral (
        select state.stored_device_ts, {{ arrival('state') }}
        from {{ ref('int_event_state') }} as state
        where {{ same_identity('state', 'message') }}
        limit 1
    ) as stored
    where message.arrival_rank = 1
),

contested as (
    select {{ identity() }}, max(stored_device_ts) as stored_device_ts
    from (
        select {{ identity() }}, stored_device_ts from known
        union all
        select {{ identity() }}, null from in_batch where arrival_rank = 2
    ) as candidates
    group by {{ identity() }}
),

arrivals as (
    select {{ identity() }}, {{ arrival() }}, true as is_current, false as is_claimed from known
    union all
    select {{ identity('repeated') }}, {{ arrival('repeated') }}, false, false
    from contested
    cross join lateral (
        select * from {{ source('store', 'repeats') }} as earlier
        where {{ same_identity('earlier', 'contested') }}
        offset 0
    ) as repeated
    union all
    select {{ identity('message') }}, {{ arrival('message') }}, false, true
    from in_batch as message
    inner join contested on {{ same_identity('message', 'contested') }}
),

-- A run that died after the store was written brings the same arrival twice: from the file and from the store.
distinct_arrivals as (
    select {{ identity() }}, {{ arrival() }}, bool_or(is_current) as is_current, bool_or(is_claimed) as is_claimed
    from arrivals
    group by {{ identity() }}, {{ arrival() }}
),

ranked as (
    select
        arrival.*,
        contested.stored_device_ts,
        row_number() over kept_first as arrival_rank,
        first_value(arrival.quantity) over kept_first as kept_quantity,
        first_value(arrival.device_ts) over kept_first as kept_device_ts
    from distinct_arrivals as arrival
    inner join contested on {{ same_identity('arrival', 'contested') }}
    inner join {{ source('ledger', 'loads') }} as loads on arrival.load_id = loads.load_id
    window kept_first as (
        partition by {{ identity('arrival') }}
        order by arrival.received_at, loads.content_sha256 collate "C", arrival.row_number
    )
)

select
    {{ identity() }},
    {{ arrival() }},
    stored_device_ts,
    is_current,
    is_claimed,
    arrival_rank = 1 as is_kept,
    {{ is_conflict('quantity', 'device_ts', 'kept_quantity', 'kept_device_ts') }} as is_conflict
from ranked
