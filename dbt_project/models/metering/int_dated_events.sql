{{ config(materialized='scratch', tags=['load']) }}

-- One clock for each event: the device's where its session is trusted, else what the contract in force says.
with session_days as (
    select distinct tenant_no, device_no, session_key, {{ utc_day('received_at') }} as received_day
    from {{ ref('int_events_to_date') }}
),

offsets as materialized (
    select session_day.*, {{ session_offset_us('session_day') }} as offset_us
    from session_days as session_day
),

limited as (
    select
        event.*,
        offsets.offset_us,
        coalesce(device.max_clock_skew_seconds, {{ default_clock_skew_seconds() }}) as max_clock_skew_seconds
    from {{ ref('int_events_to_date') }} as event
    inner join offsets
        on event.tenant_no = offsets.tenant_no
        and event.device_no = offsets.device_no
        and event.session_key = offsets.session_key
        and {{ utc_day('event.received_at') }} = offsets.received_day
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and device.valid_to_load is null
),

-- The contract in force at receipt decides; outside any, the one that began last (RULES 26).
policies as materialized (
    select
        tenant_no, clock_policy, starts_at, ends_at,
        row_number() over (partition by tenant_no order by starts_at desc) = 1 as is_last
    from {{ ref('stg_config__contracts') }}
    where valid_to_load is null
),

with_source as (
    select
        limited.*,
        {{ timestamp_source(
            "coalesce(in_force.clock_policy, latest.clock_policy, 'corrected')", 'limited.offset_us',
            'limited.device_ts', 'limited.received_at', 'limited.max_clock_skew_seconds'
        ) }} as timestamp_source
    from limited
    left join policies as in_force
        on limited.tenant_no = in_force.tenant_no
        and limited.received_at >= in_force.starts_at
        and limited.received_at < in_force.ends_at
    left join policies as latest on limited.tenant_no = latest.tenant_no and latest.is_last
)

select
    {{ identity() }},
    {{ arrival() }},
    stored_device_ts,
    timestamp_source::"char" as timestamp_source,
    {{ event_at('timestamp_source', 'device_ts', 'received_at', 'offset_us') }} as event_at
from with_source
