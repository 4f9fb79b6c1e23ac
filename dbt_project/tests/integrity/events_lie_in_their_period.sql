{{ config(meta={'dagster': {'ref': {'name': 'int_named_events'}}}, tags=['audit']) }}

-- Half-open periods; late is received at or after the boundary (RULES 6); deferred is billed in the period that holds
-- the receipt, not in its own, whose boundary had passed. What is in no contract has no period. A folded
-- period may leave out what came in time.
select event.event_id, event.disposition, event.event_at, event.received_at, period.period_id
from {{ ref('int_named_events') }} as event
left join {{ ref('int_named_periods') }} as period
    on event.period_no = period.period_no and event.tenant_no = period.tenant_no
where
    case event.disposition
        when 'x' then event.period_no <> 0
        when 'd' then
            period.period_no is null
            or event.received_at < period.period_start_at
            or event.received_at >= period.period_end_at
            or not exists (
                select 1 from {{ ref('int_named_periods') }} as own
                where
                    own.tenant_no = event.tenant_no
                    and own.late_policy = 'defer'
                    and event.event_at >= own.period_start_at
                    and event.event_at < own.period_end_at
                    and event.received_at >= own.boundary_at
            )
        else
            period.period_no is null
            or event.event_at < period.period_start_at
            or event.event_at >= period.period_end_at
            or (
                (event.received_at >= period.boundary_at) <> ({{ is_late('event.disposition') }})
                and not (event.disposition = 'n' and {{ is_folded('period') }})
            )
    end
