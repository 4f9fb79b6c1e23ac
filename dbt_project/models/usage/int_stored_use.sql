-- Events as they were stored, by load: what a run brought, whatever became of it later.
select
    event.load_id,
    event.metric_no,
    event.event_at,
    {{ calibrated('event.quantity') }} as quantity,
    event.timestamp_source,
    {{ is_billed('event.disposition') }} as is_billed,
    {{ late_decision('event.disposition') }} as late_decision
from {{ source('store', 'events') }} as event
{{ calibrated_by('event') }}
