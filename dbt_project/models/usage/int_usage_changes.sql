{{ config(
    materialized='scratch',
    tags=['load'],
    pre_hook=["{{ joins_of_loads() }}", "{{ or_lookups_of(['int_reviewed_series', 'int_claimed_edits']) }}"]
) }}
-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}

-- What the claimed loads change about billed events, with a sign: an event that comes, or the old state of a
-- restated one that goes and its new state that comes. Read from durable tables, so the same after a crash.
-- What is new was not edited yet.
select
    event.load_id as cause_load_id, event.tenant_no, event.device_no, event.metric_no, event.period_no,
    event.event_at, {{ calibrated('event.quantity') }} as quantity, event.is_skew_candidate,
    1 as sign
from {{ source('store', 'events') }} as event
{{ calibrated_by('event') }}
where {{ is_billed('event.disposition') }} and {{ is_claimed('event.load_id') }} and {{ in_lane('event.tenant_no') }}

union all

select
    event.cause_load_id, event.tenant_no, event.device_no, event.metric_no, event.period_no, event.event_at,
    {{ calibrated(edited_quantity('event')) }}, event.is_skew_candidate,
    1 as sign
from {{ source('store', 'event_restatements') }} as event
{{ calibrated_by('event') }}
where
    {{ is_billed('event.disposition') }}
    and {{ is_claimed('event.cause_load_id') }}
    and {{ in_lane('event.tenant_no') }}

union all

select
    cause_load_id, tenant_no, device_no, metric_no, old_period_no, old_event_at, old_quantity::numeric(30, 10),
    old_is_skew_candidate,
    -1 as sign
from {{ source('store', 'event_restatements') }}
where {{ is_billed('old_disposition') }} and {{ is_claimed('cause_load_id') }} and {{ in_lane('tenant_no') }}

union all

-- What a changed configuration looks at again is counted again, whatever its bucket held: the sign says so.
select
    newest.load_id, event.tenant_no, event.device_no, event.metric_no, event.period_no, event.event_at,
    event.quantity::numeric(30, 10), event.is_skew_candidate, -1 as sign
from {{ ref('int_reviewed_events') }} as event
cross join (select max(load_id) as load_id from {{ ref('stg_loads') }}) as newest
where {{ is_billed('event.disposition') }}

union all

-- So is what was edited, whether its period is open or closed.
select
    load_id, tenant_no, device_no, metric_no, period_no, event_at, old_quantity::numeric(30, 10), is_skew_candidate,
    -1 as sign
from {{ ref('int_edited_events') }}
