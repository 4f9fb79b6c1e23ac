-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}
select
    event.event_id,
    event.tenant_id,
    event.device_id,
    event.metric,
    period.period_id,
    event.event_at,
    event.quantity as delivered_quantity,
    edited.old_quantity,
    edited.quantity,
    edited.decided_by,
    edited.reason,
    edited.decided_at,
    loads.applied_at is not null as is_counted
from {{ source('store', 'edits') }} as edited
inner join {{ source('ledger', 'loads') }} as loads on edited.load_id = loads.load_id
cross join lateral (
    select * from {{ ref('int_named_events') }} as known
    where {{ same_identity('known', 'edited') }} and known.stored_device_ts = edited.stored_device_ts
    limit 1
) as event
left join {{ ref('int_named_periods') }} as period on event.period_no = period.period_no
