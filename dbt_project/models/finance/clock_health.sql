-- depends_on: {{ ref('store_session_evidence_retaken') }}
-- depends_on: {{ ref('store_event_restatements') }}
with session_days as (
    select distinct tenant_no, device_no, session_key, received_day
    from {{ source('store', 'session_evidence') }}
),

sessions as (
    {%- if is_spread() %}
    select session_day.*, abs({{ session_offset_us('session_day') }}) / 1000000.0 as offset_seconds
    from session_days as session_day
    {%- else %}
    select session_day.*, evidence_of.offset_seconds
    from session_days as session_day
    -- Fenced: it is used in many columns and would be looked up for each.
    cross join lateral (
        select abs({{ session_offset_us('session_day') }}) / 1000000.0 as offset_seconds
        from (values (1)) as once (n)
        offset 0
    ) as evidence_of
    {%- endif %}
),

clocks as (
    select
        session.tenant_no,
        coalesce(device.device_type, 'undeclared') as device_type,
        session.received_day,
        count(distinct session.device_no) as device_count,
        count(*) as session_count,
        count(*) filter (
            where {{ is_session_trusted('session.offset_seconds * 1000000', 'limit_of.seconds') }}
        ) as trusted_session_count,
        percentile_disc(array[0.5, 0.9, 0.99, 1]) within group (order by session.offset_seconds) as quantiles,
        {%- for seconds in (60, 120, 300, 600, 1800) %}
        round(avg((session.offset_seconds <= {{ seconds }})::integer), 6) as trusted_ratio_{{ seconds }}s,
        {%- endfor %}
        max(limit_of.seconds) as max_clock_skew_seconds
    from sessions as session
    left join {{ ref('stg_config__devices') }} as device
        on session.device_no = device.device_no and device.valid_to_load is null
    cross join lateral (
        select coalesce(device.max_clock_skew_seconds, {{ default_clock_skew_seconds() }}) as seconds
    ) as limit_of
    where session.offset_seconds is not null
    group by session.tenant_no, coalesce(device.device_type, 'undeclared'), session.received_day
),

doubtful as (
    select
        event.tenant_no,
        coalesce(device.device_type, 'undeclared') as device_type,
        {{ utc_day('event.received_at') }} as received_day,
        count(*) filter (where event.timestamp_source = 'c') as corrected_event_count,
        count(*) filter (where event.timestamp_source = 's') as server_event_count,
        count(*) filter (where event.is_skew_candidate) as skew_candidate_count
    from {{ ref('int_doubtful_events') }} as event
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and device.valid_to_load is null
    group by event.tenant_no, coalesce(device.device_type, 'undeclared'), received_day
)

select
    tenant.tenant_id,
    clocks.device_type,
    clocks.received_day as received_date,
    clocks.device_count,
    clocks.session_count,
    clocks.trusted_session_count,
    clocks.session_count - clocks.trusted_session_count as untrusted_session_count,
    coalesce(doubtful.corrected_event_count, 0) as corrected_event_count,
    coalesce(doubtful.server_event_count, 0) as server_event_count,
    coalesce(doubtful.skew_candidate_count, 0) as skew_candidate_count,
    round(clocks.quantiles[1], 6) as median_offset_seconds,
    round(clocks.quantiles[2], 6) as p90_offset_seconds,
    round(clocks.quantiles[3], 6) as p99_offset_seconds,
    round(clocks.quantiles[4], 6) as greatest_offset_seconds,
    {%- for seconds in (60, 120, 300, 600, 1800) %}
    clocks.trusted_ratio_{{ seconds }}s,
    {%- endfor %}
    clocks.max_clock_skew_seconds
from clocks
left join doubtful using (tenant_no, device_type, received_day)
inner join {{ source('registry', 'tenants') }} as tenant on clocks.tenant_no = tenant.tenant_no
