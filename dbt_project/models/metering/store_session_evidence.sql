{{ config(materialized='store', into='session_evidence', tags=['load'], pre_hook=lookups_by_key()) }}

-- Least delay of the valid messages of this run, per session and received day, where it improves on what is known.
with usable as (
    select message.*, {{ day_of('message.received_at') }} as day_start_at, {{ delay('message') }} as delay
    from {{ ref('int_messages') }} as message
    left join {{ ref('int_contested_arrivals') }} as conflict
        on message.tenant_no = conflict.tenant_no
        and message.load_id = conflict.load_id
        and message.row_number = conflict.row_number
        and conflict.is_conflict
    where message.reason is null and conflict.load_id is null
),

least_by_load as (
    select
        tenant_no, device_no, session_key, {{ utc_day('day_start_at') }} as received_day, load_id, min(delay) as delay
    from usable
    group by tenant_no, device_no, session_key, day_start_at, load_id
),

least as (
    select distinct on (tenant_no, device_no, session_key, received_day)
        tenant_no, device_no, session_key, received_day, load_id, {{ microseconds('delay') }} as least_delay_us
    from least_by_load
    order by tenant_no, device_no, session_key, received_day, delay, load_id
)

select
    candidate.tenant_no,
    candidate.device_no,
    candidate.session_key,
    candidate.received_day,
    candidate.load_id,
    candidate.least_delay_us,
    coalesce(known.generation, 0)::smallint as generation
from least as candidate
left join lateral (
    select evidence.generation, min(evidence.least_delay_us) as least_delay_us
    from {{ source('store', 'session_evidence') }} as evidence
    where
        candidate.tenant_no = evidence.tenant_no
        and candidate.device_no = evidence.device_no
        and candidate.session_key = evidence.session_key
        and candidate.received_day = evidence.received_day
    group by evidence.generation
    order by evidence.generation desc
    limit 1
) as known on true
where known.least_delay_us is null or candidate.least_delay_us < known.least_delay_us
-- Sorted anew, so that all is looked up before the first row is inserted: a plan of when the table was small reads the
-- whole table for each row, with what was inserted meanwhile. By the key: sorted by days, their index would look cheap.
order by
    candidate.tenant_no desc, candidate.device_no desc, candidate.session_key desc, candidate.received_day desc
