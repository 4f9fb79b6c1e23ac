{{ config(materialized='scratch', tags=['load'], pre_hook=[joins_of_whole_sets(), unsorted_joins()]) }}

-- One clock for each event: the device's where its session is trusted, else what the contract in force says.
-- The contract in force at receipt decides; outside any, the one that began last (RULES 26).
-- Whole sets: the planner takes events with their sessions for one row, and would go through all contracts for each.
with policies as materialized (
    select
        tenant_no, clock_policy, starts_at, ends_at,
        row_number() over (partition by tenant_no order by starts_at desc) = 1 as is_last
    from {{ ref('stg_config__contracts') }}
    where valid_to_load is null
),

with_source as (
    select
        event.*,
        session_day.offset_us,
        {{ timestamp_source(
            "coalesce(in_force.clock_policy, latest.clock_policy, 'corrected')", 'session_day.is_trusted',
            'event.device_ts', 'event.received_at', 'session_day.max_clock_skew'
        ) }} as timestamp_source
    from {{ ref('int_events_to_date') }} as event
    inner join {{ ref('int_session_offsets') }} as session_day
        on event.tenant_no = session_day.tenant_no
        and event.device_no = session_day.device_no
        and event.session_key = session_day.session_key
        and {{ day_of('event.received_at') }} = session_day.day_start_at
    left join policies as in_force
        on event.tenant_no = in_force.tenant_no
        and event.received_at >= in_force.starts_at
        and event.received_at < in_force.ends_at
    left join policies as latest on event.tenant_no = latest.tenant_no and latest.is_last
)

select
    {{ identity() }},
    {{ arrival() }},
    stored_device_ts,
    timestamp_source::"char" as timestamp_source,
    {{ event_at('timestamp_source', 'device_ts', 'received_at', 'offset_us') }} as event_at
from with_source
