{{ config(materialized='scratch', tags=['load']) }}
-- depends_on: {{ ref('store_session_evidence') }}
-- depends_on: {{ ref('store_session_evidence_retaken') }}

-- The events whose time this run has to find: new ones, and stored ones that may have to be dated again because
-- their kept arrival moved, because the evidence on their session improved, because the configuration changed, or
-- because an interrupted run stored them.
with claimed_evidence as (
    select distinct tenant_no, device_no, session_key, received_day
    from {{ source('store', 'session_evidence') }}
    where {{ is_claimed('load_id') }} and {{ in_lane('tenant_no') }}
),

touched_days as (
    select distinct
        tenant_no, device_no, session_key,
        received_day + step.days as received_day
    from claimed_evidence
    cross join (values (-1), (0), (1)) as step (days)
    where step.days = 0 or session_key <> 0
),

-- A day that this run alone has evidence for holds no event stored earlier. Fenced, as are the shifted days: to the
-- planner this run has one day, and it would look at the day's events before it asks whether anything has shifted.
compared_days as materialized (
    select
        touched.*,
        {{ session_offset_us('touched') }} as offset_us,
        {{ session_offset_us('touched', 'evidence.load_id not in (select load_id from ' ~ ref('stg_loads') ~ ')') }}
            as earlier_offset_us
    from touched_days as touched
    where exists (
        select 1
        from {{ source('store', 'session_evidence') }} as evidence
        where
            evidence.tenant_no = touched.tenant_no
            and evidence.device_no = touched.device_no
            and evidence.session_key = touched.session_key
            and evidence.received_day = touched.received_day
            and evidence.load_id not in (select load_id from {{ ref('stg_loads') }})
    )
),

-- Trusted before and after: the device's own stamp dates the event in both cases.
shifted_days as materialized (
    select compared.*
    from compared_days as compared
    left join {{ ref('stg_config__devices') }} as device
        on compared.device_no = device.device_no and device.valid_to_load is null
    cross join lateral (
        select coalesce(device.max_clock_skew_seconds, {{ default_clock_skew_seconds() }}) as seconds
    ) as tolerated
    where
        compared.offset_us is distinct from compared.earlier_offset_us
        and not (
            {{ is_session_trusted('compared.offset_us', 'tolerated.seconds') }}
            and {{ is_session_trusted('compared.earlier_offset_us', 'tolerated.seconds') }}
        )
),

stored_again as (
    select {{ identity('event') }}, event.stored_device_ts
    from shifted_days as shifted
    {{ looked_up(
        ref('int_event_state'), 'event', 'event.tenant_no = shifted.tenant_no and event.device_no = shifted.device_no'
    ) }}
    where event.session_key = shifted.session_key and {{ utc_day('event.received_at') }} = shifted.received_day
    union
    select {{ identity() }}, device_ts
    from {{ source('store', 'events') }}
    where {{ is_claimed('load_id') }} and {{ in_lane('tenant_no') }}
    union
    select {{ identity() }}, stored_device_ts
    from {{ source('store', 'event_restatements') }}
    where {{ is_claimed('cause_load_id') }} and {{ in_lane('tenant_no') }}
    union
    select {{ identity() }}, stored_device_ts from {{ ref('int_moved_identities') }}
    union
    select {{ identity() }}, stored_device_ts from {{ ref('int_reviewed_events') }}
    union
    -- An edit moves no event, but its local day is counted again.
    select {{ identity() }}, stored_device_ts
    from {{ source('store', 'edits') }}
    where {{ is_claimed('load_id') }} and {{ in_lane('tenant_no') }}
    union
    -- An interrupted run may have stored a run whose reading came with an earlier load, and not yet billed it.
    select {{ identity() }}, stored_device_ts
    from {{ ref('int_contested_arrivals') }}
    where is_kept and not is_claimed and run_count > 1 and stored_device_ts is not null
)

select {{ identity() }}, {{ arrival() }}, stored_device_ts
from {{ ref('int_contested_arrivals') }}
where is_kept and stored_device_ts is null

union all

select {{ identity('message') }}, {{ arrival('message') }}, null
from {{ ref('int_messages') }} as message
where
    message.reason is null
    and not exists (
        select 1 from {{ ref('int_contested_arrivals') }} as contested where {{ same_identity('contested', 'message') }}
    )

union all

select {{ identity('arrival') }}, {{ arrival('arrival') }}, again.stored_device_ts
from stored_again as again
inner join {{ ref('int_contested_arrivals') }} as arrival
    on {{ same_identity('arrival', 'again') }}
    and again.stored_device_ts = arrival.stored_device_ts
    and arrival.is_kept

union all

select {{ identity('state') }}, {{ arrival('state') }}, again.stored_device_ts
from stored_again as again
{{ looked_up(
    ref('int_event_state'), 'state',
    same_identity('state', 'again') ~ ' and state.stored_device_ts = again.stored_device_ts'
) }}
where
    not exists (
        select 1 from {{ ref('int_contested_arrivals') }} as contested where {{ same_identity('contested', 'state') }}
    )
