-- What the claimed loads change about billed events, with a sign: an event that comes, or the old state of a
-- restated one that goes and its new state that comes. Read from durable tables, so the same after a crash.
with restated as (
    select *
    from {{ source('store', 'event_restatements') }}
    where {{ is_claimed('cause_load_id') }}
)

select
    load_id as cause_load_id, tenant_no, device_no, metric_no, period_no, event_at, quantity, is_skew_candidate,
    1 as sign
from {{ source('store', 'events') }}
where {{ is_billed('disposition') }} and {{ is_claimed('load_id') }}

union all

select
    cause_load_id, tenant_no, device_no, metric_no, period_no, event_at, quantity, is_skew_candidate,
    1 as sign
from restated
where {{ is_billed('disposition') }}

union all

select
    cause_load_id, tenant_no, device_no, metric_no, old_period_no, old_event_at, old_quantity, old_is_skew_candidate,
    -1 as sign
from restated
where {{ is_billed('old_disposition') }}
