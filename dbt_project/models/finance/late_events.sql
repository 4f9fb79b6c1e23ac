select
    event.event_id,
    event.tenant_id,
    event.device_id,
    event.metric,
    event.quantity,
    event.event_at,
    event.received_at,
    period.period_id,
    round(extract(epoch from event.received_at - event.event_at) / 3600, 4) as lateness_hours,
    'not_billed' as decision,
    period.boundary_at,
    event.region,
    event.source_file,
    event.source_row
from {{ ref('int_named_events') }} as event
inner join {{ ref('int_named_periods') }} as period on event.period_no = period.period_no
where event.disposition = 'n'
