{{ config(materialized='scratch', tags=['load'], pre_hook=["{{ joins_of_loads() }}"]) }}

-- Identities with more than one arrival, or one that the store may know: all their arrivals in runs, ranked.
-- What a folded month has seen is a repeat without an event. The high-water mark settles most messages without a look
-- at the store; the rest probe it by key, with the number of their series found for all of them at once: where joins
-- are of whole sets, a look-up that had to find it would read the tenant's events.
with known as (
    select {{ identity('message') }}, stored.stored_device_ts, {{ arrival('stored') }}
    from (
        select distinct {{ identity('valid') }}
        from {{ ref('int_messages') }} as valid
        inner join {{ source('store', 'high_water') }} as mark
            on {{ same_series('valid', 'mark') }} and valid.msg_seq <= mark.msg_seq
        where valid.reason is null
    ) as message
    inner join {{ source('store', 'series') }} as series on {{ same_series('message', 'series') }}
    cross join lateral (
        select state.stored_device_ts, {{ arrival('state') }}
        from {{ ref('int_event_state') }} as state
        where {{ same_identity('state', 'message') }} and state.series_no = series.series_no
        offset 0
    ) as stored
),

contested as (
    select {{ identity() }}, bool_or(may_be_seen) as may_be_seen
    from (
        select {{ identity() }}, false as may_be_seen from known
        union all
        select {{ identity() }}, false
        from {{ ref('int_messages') }}
        where reason is null
        group by {{ identity() }}
        having count(*) > 1
        union all
        -- What was folded had been stored, below the mark: the others are spared the look.
        select {{ identity('message') }}, true
        from {{ ref('int_messages') }} as message
        inner join {{ source('store', 'high_water') }} as mark on {{ same_series('message', 'mark') }}
        where
            message.reason is null
            and case when message.msg_seq <= mark.msg_seq then {{ is_seen('message') }} else false end
    ) as found
    group by {{ identity() }}
),

arrivals as (
    select
        {{ identity() }}, {{ arrival() }}, stored_device_ts as held_device_ts, false as is_claimed, false as is_seen
    from known
    union all
    select {{ identity('repeated') }}, {{ arrival('repeated') }}, null, false, {{ is_seen('repeated') }}
    from contested
    {{ looked_up(source('store', 'repeats'), 'repeated', same_identity('repeated', 'contested')) }}
    union all
    select
        {{ identity('message') }}, {{ arrival('message') }}, null, true,
        contested.may_be_seen and {{ is_seen('message') }}
    from {{ ref('int_messages') }} as message
    inner join contested on {{ same_identity('message', 'contested') }}
    where message.reason is null
),

-- A run that died after the store was written brings the same arrival twice, from the file and from the store, and may
-- leave it held by two stored events: by the one whose place it gave up and by the one that has its device_ts.
distinct_arrivals as (
    select
        {{ identity() }}, {{ arrival() }},
        min(held_device_ts) as first_held_device_ts,
        max(held_device_ts) as last_held_device_ts,
        bool_or(is_claimed) as is_claimed,
        bool_or(is_seen) and min(held_device_ts) is null as is_seen
    from arrivals
    group by {{ identity() }}, {{ arrival() }}
),

in_runs as (
    select
        arrival.*,
        loads.content_sha256,
        {{ run_started_at(
            'arrival', 'device.sequence_reuse_window', identity('arrival') ~ ', arrival.is_seen'
        ) }} as run_started_at
    from distinct_arrivals as arrival
    inner join {{ source('ledger', 'loads') }} as loads on arrival.load_id = loads.load_id
    left join {{ ref('stg_config__devices') }} as device
        on arrival.device_no = device.device_no and device.valid_to_load is null
),

ranked as (
    select
        *,
        row_number() over kept_first as arrival_rank,
        first_value(quantity) over kept_first as kept_quantity,
        first_value(device_ts) over kept_first as kept_device_ts
    from in_runs
    window kept_first as (
        partition by {{ identity() }}, is_seen, run_started_at
        order by received_at, content_sha256 collate "C", row_number
    )
),

runs as (
    select * from ranked where arrival_rank = 1 and not is_seen
),

assigned as (
    {{ rows_of_runs('runs', 'known') }}
)

select
    {{ identity('ranked') }},
    {{ arrival('ranked') }},
    ranked.run_started_at,
    assigned.run_count,
    assigned.run_no,
    assigned.stored_device_ts,
    ranked.first_held_device_ts,
    ranked.last_held_device_ts,
    ranked.first_held_device_ts is not null as is_current,
    ranked.is_claimed,
    ranked.is_seen,
    ranked.arrival_rank = 1 and not ranked.is_seen as is_kept,
    not ranked.is_seen
    and {{ is_conflict('ranked.quantity', 'ranked.device_ts', 'ranked.kept_quantity', 'ranked.kept_device_ts') }}
        as is_conflict
from ranked
left join assigned
    on
        not ranked.is_seen
        and {{ same_identity('ranked', 'assigned') }}
        and ranked.run_started_at = assigned.run_started_at
