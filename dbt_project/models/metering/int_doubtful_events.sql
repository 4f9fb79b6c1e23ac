-- Events as they now stand whose clock is not the device's, or whose own stamp lies just outside the period that bills
-- them. Indexed in the store by these very conditions: what is read is as little as what is doubtful.
select
    {{ identity('stored') }},
    stored.load_id, stored.row_number, stored.received_at, stored.event_at, stored.timestamp_source,
    stored.is_skew_candidate, stored.disposition
from {{ source('store', 'events') }} as stored
where
    (stored.timestamp_source <> 'd' or stored.is_skew_candidate)
    and not {{ was_restated('stored') }}

union all

select
    {{ identity('latest') }},
    latest.load_id, latest.row_number, latest.received_at, latest.event_at, latest.timestamp_source,
    latest.is_skew_candidate, latest.disposition
from {{ source('store', 'event_restatements') }} as latest
where
    (latest.timestamp_source <> 'd' or latest.is_skew_candidate)
    and {{ is_latest_restatement('latest') }}
