{{ config(tags=['audit']) }}

-- Half-open periods; late is received at or after the boundary (RULES 6). What is in no contract has no period.
select event.event_id, event.disposition, event.event_at, event.received_at, period.period_id
from {{ ref('int_named_events') }} as event
left join {{ ref('int_named_periods') }} as period
    on event.period_no = period.period_no and event.tenant_no = period.tenant_no
where
    case event.disposition
        when 'x' then event.period_no <> 0
        else
            period.period_no is null
            or event.event_at < period.period_start_at
            or event.event_at >= period.period_end_at
            or (event.received_at >= period.boundary_at) <> (event.disposition = 'n')
    end
