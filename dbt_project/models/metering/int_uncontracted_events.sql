-- Events and restatements are asked apart, each by an index of the few that lie in no contract: joined first, the whole
-- store would be read for them.
select {{ identity('stored') }}, {{ arrival('stored') }}, stored.event_at
from {{ source('store', 'events') }} as stored
where stored.disposition = 'x' and not {{ was_restated('stored') }}

union all

select {{ identity('restated') }}, {{ arrival('restated') }}, restated.event_at
from (
    select latest.*
    from {{ source('store', 'event_restatements') }} as latest
    where latest.disposition = 'x' and {{ is_latest_restatement('latest') }}
) as restated
-- Of a month that is archived, only the restatements are here.
inner join {{ source('store', 'events') }} as stored
    on {{ same_identity('restated', 'stored') }} and restated.stored_device_ts = stored.device_ts
