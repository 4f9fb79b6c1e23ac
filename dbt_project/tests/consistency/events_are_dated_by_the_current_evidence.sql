{{ config(meta={'dagster': {'ref': {'name': 'int_named_events'}}}) }}

-- Loads date an event with the evidence they know and date it again when that improves. In the end every event must
-- stand where one run over everything would have put it: same clock, same instant.
with judged as materialized (
    select
        event.event_id,
        event.timestamp_source,
        event.event_at,
        event.device_ts,
        event.received_at,
        event.clock_offset_seconds * 1000000 as offset_us,
        coalesce(device.max_clock_skew_seconds, {{ default_clock_skew_seconds() }}) as max_clock_skew_seconds,
        policy.clock_policy
    from {{ ref('int_named_events') }} as event
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and device.valid_to_load is null
    left join lateral (
        select contract.clock_policy
        from {{ ref('stg_config__contracts') }} as contract
        where contract.tenant_no = event.tenant_no and contract.valid_to_load is null
        order by
            (contract.starts_at <= event.received_at and event.received_at < contract.ends_at) desc,
            contract.starts_at desc
        limit 1
    ) as policy on true
),

expected as (
    select
        judged.*,
        {{ timestamp_source(
            'judged.clock_policy', is_session_trusted('judged.offset_us', 'judged.max_clock_skew_seconds'),
            'judged.device_ts', 'judged.received_at', clock_skew_limit('judged.max_clock_skew_seconds')
        ) }} as expected_source
    from judged
)

select
    *,
    {{ event_at('expected_source', 'device_ts', 'received_at', 'offset_us') }} as expected_event_at
from expected
where
    left(timestamp_source, 1) <> expected_source
    or event_at <> {{ event_at('expected_source', 'device_ts', 'received_at', 'offset_us') }}
