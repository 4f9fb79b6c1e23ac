{{ config(materialized='store', into='session_evidence', tags=['load']) }}
-- depends_on: {{ ref('store_session_evidence') }}

-- Evidence taken again from all arrivals of a session and day, as a new generation, because an arrival that counted
-- turned out to be a conflict or the reverse. Rare: it needs an earlier arrival that was loaded later. Where none is
-- left the new generation says so with a null, or the old one would speak on.
with unsettled as (
    select {{ identity() }}, cause_load_id from {{ ref('int_moved_identities') }} where is_measurement_changed
    union
    -- A conflict of before that is a reading of its own now, because an earlier reading moved its run.
    select {{ identity('earlier') }}, newest.load_id
    from {{ ref('int_contested_arrivals') }} as earlier
    cross join (select max(load_id) as load_id from {{ ref('stg_loads') }}) as newest
    where
        earlier.stored_device_ts is null
        and not earlier.is_claimed
        and not earlier.is_current
        and not earlier.is_seen
),

retaken as (
    select
        arrival.tenant_no,
        arrival.device_no,
        arrival.session_key,
        {{ utc_day('arrival.received_at') }} as received_day,
        max(unsettled.cause_load_id) as load_id
    from unsettled
    inner join {{ ref('int_contested_arrivals') }} as arrival on {{ same_identity('arrival', 'unsettled') }}
    group by arrival.tenant_no, arrival.device_no, arrival.session_key, {{ utc_day('arrival.received_at') }}
),

stored as (
    select {{ identity('event') }}, {{ arrival('event') }}, false as is_conflict
    from retaken
    {{ looked_up(
        ref('int_event_state'), 'event', 'event.tenant_no = retaken.tenant_no and event.device_no = retaken.device_no'
    ) }}
    where event.session_key = retaken.session_key and {{ utc_day('event.received_at') }} = retaken.received_day
    union all
    select {{ identity('repeated') }}, {{ arrival('repeated') }}, repeated.is_conflict
    from retaken
    inner join {{ ref('int_repeat_state') }} as repeated
        on retaken.tenant_no = repeated.tenant_no
        and retaken.device_no = repeated.device_no
        and retaken.session_key = repeated.session_key
        and retaken.received_day = {{ utc_day('repeated.received_at') }}
),

-- Contested identities are judged as this run leaves them, everything else as it stands.
arrivals as (
    select {{ identity() }}, {{ arrival() }}, is_conflict from {{ ref('int_contested_arrivals') }}
    union all
    select * from (
        select {{ identity() }}, {{ arrival() }}, is_conflict from stored
        union all
        select {{ identity() }}, {{ arrival() }}, false from {{ ref('int_messages') }} where reason is null
    ) as settled
    where not exists (
        select 1 from {{ ref('int_contested_arrivals') }} as contested where {{ same_identity('contested', 'settled') }}
    )
),

before as (
    select
        retaken.tenant_no, retaken.device_no, retaken.session_key, retaken.received_day,
        max(taken.generation) as generation
    from retaken
    {{ looked_up(
        source('store', 'session_evidence'), 'taken',
        'taken.tenant_no = retaken.tenant_no and taken.device_no = retaken.device_no'
        ~ ' and taken.session_key = retaken.session_key'
        ~ ' and taken.received_day = retaken.received_day'
    ) }}
    group by retaken.tenant_no, retaken.device_no, retaken.session_key, retaken.received_day
)

select
    retaken.tenant_no,
    retaken.device_no,
    retaken.session_key,
    retaken.received_day,
    max(retaken.load_id) as load_id,
    {{ microseconds('min(' ~ delay('arrival') ~ ')') }} as least_delay_us,
    coalesce(before.generation + 1, 0)::smallint as generation
from retaken
left join before using (tenant_no, device_no, session_key, received_day)
left join arrivals as arrival
    on not arrival.is_conflict
    and retaken.tenant_no = arrival.tenant_no
    and retaken.device_no = arrival.device_no
    and retaken.session_key = arrival.session_key
    and retaken.received_day = {{ utc_day('arrival.received_at') }}
group by retaken.tenant_no, retaken.device_no, retaken.session_key, retaken.received_day, before.generation
having before.generation is not null or count(arrival.load_id) > 0
