select
    event.event_id,
    event.tenant_id,
    event.device_id,
    event.metric,
    event.quantity,
    event.event_at,
    event.received_at,
    own.period_id,
    round(extract(epoch from event.received_at - event.event_at) / 3600, 4) as lateness_hours,
    {{ late_decision('event.disposition') }} as decision,
    own.boundary_at,
    billed.period_id as billed_period_id,
    event.region,
    event.source_file,
    event.source_row
from {{ ref('int_named_events') }} as event
inner join {{ ref('int_named_periods') }} as own
    on event.tenant_no = own.tenant_no
    and event.event_at >= own.period_start_at
    and event.event_at < own.period_end_at
left join {{ ref('int_named_periods') }} as billed
    on event.period_no = billed.period_no and {{ is_billed('event.disposition') }}
where {{ is_late('event.disposition') }}
