-- The store as it stands: each event with its latest restatement, if it has one.
select
    {{ identity('stored') }},
    stored.device_ts as stored_device_ts,
    stored.load_id as stored_load_id,
    stored.row_number as stored_row_number,
    coalesce(restated.version, 0) as version,
    coalesce(restated.load_id, stored.load_id) as load_id,
    coalesce(restated.row_number, stored.row_number) as row_number,
    coalesce(restated.session_key, stored.session_key) as session_key,
    coalesce(restated.traits_no, stored.traits_no) as traits_no,
    coalesce(restated.quantity, stored.quantity) as quantity,
    coalesce(restated.device_ts, stored.device_ts) as device_ts,
    coalesce(restated.sent_ts, stored.sent_ts) as sent_ts,
    coalesce(restated.received_at, stored.received_at) as received_at,
    coalesce(restated.event_at, stored.event_at) as event_at,
    coalesce(restated.period_no, stored.period_no) as period_no,
    coalesce(restated.timestamp_source, stored.timestamp_source) as timestamp_source,
    coalesce(restated.disposition, stored.disposition) as disposition,
    coalesce(restated.is_skew_candidate, stored.is_skew_candidate) as is_skew_candidate,
    stored.series_no
from {{ source('store', 'events') }} as stored
left join (
    select latest.*
    from {{ source('store', 'event_restatements') }} as latest
    where {{ is_latest_restatement('latest') }}
) as restated
    on {{ same_identity('restated', 'stored') }} and stored.device_ts = restated.stored_device_ts
