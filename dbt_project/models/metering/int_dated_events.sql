{{ config(materialized='scratch', tags=['load']) }}

-- One clock for each event: the device's where its session is trusted, else what the contract in force says.
with session_days as (
    select distinct tenant_no, device_no, session_key, {{ utc_day('received_at') }} as received_day
    from {{ ref('int_events_to_date') }}
),

offsets as (
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
with_source as (
    select
        limited.*,
        {{ timestamp_source(
            'policy.clock_policy', 'limited.offset_us', 'limited.device_ts', 'limited.received_at',
            'limited.max_clock_skew_seconds'
        ) }} as timestamp_source
    from limited
    left join lateral (
        select contract.clock_policy
        from {{ ref('stg_config__contracts') }} as contract
        where contract.tenant_no = limited.tenant_no and contract.valid_to_load is null
        order by
            (contract.starts_at <= limited.received_at and limited.received_at < contract.ends_at) desc,
            contract.starts_at desc
        limit 1
    ) as policy on true
)

select
    {{ identity() }},
    {{ arrival() }},
    stored_device_ts,
    timestamp_source::"char" as timestamp_source,
    {{ event_at('timestamp_source', 'device_ts', 'received_at', 'offset_us') }} as event_at
from with_source
