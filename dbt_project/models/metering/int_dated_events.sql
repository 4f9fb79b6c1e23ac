{{ config(materialized='scratch', tags=['load'], pre_hook=unsorted_joins()) }}

-- One clock for each event: the device's where its session is trusted, else what the contract in force says.
with session_days as (
    select distinct tenant_no, device_no, session_key, {{ utc_day('received_at') }} as received_day
    from {{ ref('int_events_to_date') }}
),

offsets as {{ materialized() }} (
    select session_day.*, {{ session_offset_us('session_day') }} as offset_us
    from session_days as session_day
),

-- The contract in force at receipt decides; outside any, the one that began last (RULES 26).
policies as materialized (
    select
        tenant_no, clock_policy, starts_at, ends_at,
        row_number() over (partition by tenant_no order by starts_at desc) = 1 as is_last
    from {{ ref('stg_config__contracts') }}
    where valid_to_load is null
),

-- Fenced: the planner cannot tell how many offsets there are and takes them for one, so that it would read all devices
-- and contracts once per event.
limited as (
    select
        event.*,
        coalesce(device.max_clock_skew_seconds, {{ default_clock_skew_seconds() }}) as max_clock_skew_seconds,
        coalesce(in_force.clock_policy, latest.clock_policy, 'corrected') as clock_policy
    from {{ ref('int_events_to_date') }} as event
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and device.valid_to_load is null
    left join policies as in_force
        on event.tenant_no = in_force.tenant_no
        and event.received_at >= in_force.starts_at
        and event.received_at < in_force.ends_at
    left join policies as latest on event.tenant_no = latest.tenant_no and latest.is_last
    {{ fence() }}
),

with_source as (
    select
        limited.*,
        offsets.offset_us,
        {{ timestamp_source(
            'limited.clock_policy', 'offsets.offset_us', 'limited.device_ts', 'limited.received_at',
            'limited.max_clock_skew_seconds'
        ) }} as timestamp_source
    from limited
    inner join offsets
        on limited.tenant_no = offsets.tenant_no
        and limited.device_no = offsets.device_no
        and limited.session_key = offsets.session_key
        and {{ utc_day('limited.received_at') }} = offsets.received_day
)

select
    {{ identity() }},
    {{ arrival() }},
    stored_device_ts,
    timestamp_source::"char" as timestamp_source,
    {{ event_at('timestamp_source', 'device_ts', 'received_at', 'offset_us') }} as event_at
from with_source
