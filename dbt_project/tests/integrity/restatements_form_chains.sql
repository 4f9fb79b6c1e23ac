{{ config(tags=['audit']) }}

-- Versions of an event count from 1 without gaps, and each says of the one before what that one said of itself:
-- sums are corrected by taking the old state out, so a wrong old state would stay in an invoice.
with versions as (
    select
        restated.*,
        restated.version = 1 as is_first,
        lag(version) over chain as previous_version,
        lag((event_at, period_no, disposition::text, is_skew_candidate, quantity)::text) over chain as previous_state,
        (old_event_at, old_period_no, old_disposition::text, old_is_skew_candidate, old_quantity)::text as stated_state
    from {{ source('store', 'event_restatements') }} as restated
    window chain as (partition by {{ identity('restated') }}, restated.stored_device_ts order by restated.version)
)

select version.*
from versions as version
left join {{ source('store', 'events') }} as stored
    on version.is_first
    and {{ same_identity('stored', 'version') }}
    and version.stored_device_ts = stored.device_ts
where
    case
        when version.is_first
            then version.stated_state is distinct from (
                stored.event_at, stored.period_no, stored.disposition::text, stored.is_skew_candidate, stored.quantity
            )::text
        else
            version.previous_version is distinct from version.version - 1
            or version.previous_state is distinct from version.stated_state
    end
