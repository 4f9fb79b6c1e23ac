-- The least delay that loads noted per session and day, against the least delay of the arrivals themselves:
-- duplicates in, conflicts out (RULES 3). Of a device with folded months not all arrivals are here any more.
with arrivals as (
    select tenant_no, device_no, session_key, {{ utc_day('received_at') }} as received_day, {{ delay() }} as delay
    from {{ ref('int_event_state') }}
    union all
    select tenant_no, device_no, session_key, {{ utc_day('received_at') }}, {{ delay() }}
    from {{ ref('int_repeat_state') }}
    where not is_conflict
),

expected as (
    select tenant_no, device_no, session_key, received_day, {{ microseconds('min(delay)') }} as least_delay_us
    from arrivals
    group by tenant_no, device_no, session_key, received_day
),

noted as (
    select distinct on (tenant_no, device_no, session_key, received_day)
        tenant_no, device_no, session_key, received_day, generation, min(least_delay_us) as least_delay_us
    from {{ source('store', 'session_evidence') }}
    group by tenant_no, device_no, session_key, received_day, generation
    order by tenant_no, device_no, session_key, received_day, generation desc
)

select tenant_no, device_no, session_key, received_day, expected.least_delay_us, noted.least_delay_us as noted_us
from expected
full join noted using (tenant_no, device_no, session_key, received_day)
where
    expected.least_delay_us is distinct from noted.least_delay_us
    and (tenant_no, device_no) not in (
        select seen.tenant_no, seen.device_no from {{ source('store', 'seen_sequences') }} as seen
    )
