{{ config(materialized='scratch', tags=['load'], pre_hook=unsorted_joins()) }}

-- How far a clock is off and may be, once for all events of a session and day of receipt.
with met as (
    select distinct tenant_no, device_no, session_key, {{ day_of('received_at') }} as day_start_at
    from {{ ref('int_events_to_date') }}
),

session_days as (
    select *, {{ utc_day('day_start_at') }} as received_day from met
),

offsets as {{ materialized() }} (
    select session_day.*, {{ session_offset_us('session_day') }} as offset_us
    from session_days as session_day
)

select
    offsets.tenant_no, offsets.device_no, offsets.session_key, offsets.day_start_at, offsets.offset_us,
    {{ is_session_trusted('offsets.offset_us', 'tolerated.seconds') }} as is_trusted,
    {{ clock_skew_limit('tolerated.seconds') }} as max_clock_skew
from offsets
left join {{ ref('stg_config__devices') }} as device
    on offsets.device_no = device.device_no and device.valid_to_load is null
cross join lateral (
    select coalesce(device.max_clock_skew_seconds, {{ default_clock_skew_seconds() }}) as seconds
) as tolerated
