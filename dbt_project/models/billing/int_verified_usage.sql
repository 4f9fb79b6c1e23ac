{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_close_request where kind = 'verify')"
) }}

-- The use of closed periods anew from their events, as the store stood at the close. A close never runs this. Of a
-- period whose events were folded, what its close recorded is all there is to rate again.
with as_of_close as (
    {{ events_as_of_close('closed.period_no = states.period_no and not ' ~ is_folded('closed')) }}
),

used as (
    select
        {{ identity('event') }}, event.stored_device_ts, event.event_at, event.period_no, event.invoice_version,
        event.config_load_id, event.is_skew_candidate, event.quantity
    from as_of_close as event
    where not exists (
        select 1 from {{ ref('stg_config__metrics') }} as metric
        where
            metric.metric_no = event.metric_no
            and {{ is_register('metric') }}
            and {{ in_force('metric', 'event.config_load_id') }}
    )
    union all
    select
        {{ identity() }}, stored_device_ts, event_at, period_no, invoice_version, config_load_id, is_skew_candidate,
        quantity
    from {{ ref('int_verified_registers') }}
    where is_billed_here
)

select
    event.tenant_no,
    event.period_no,
    event.invoice_version,
    event.device_no,
    event.metric_no,
    {{ aggregate_events('metric.aggregation', 'event') }}::numeric(30, 10) as quantity,
    count(*)::bigint as event_count,
    count(*) filter (where event.is_skew_candidate)::bigint as skew_candidate_count,
    min(event.event_at) as first_event_at,
    max(event.event_at) as last_event_at
from used as event
left join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and {{ in_force('metric', 'event.config_load_id') }}
where exists (select 1 from {{ ref('int_close_request') }} where kind = 'verify')
group by
    event.tenant_no, event.period_no, event.invoice_version, event.device_no, event.metric_no, metric.aggregation

union all

select
    usage.tenant_no,
    usage.period_no,
    usage.invoice_version,
    usage.device_no,
    usage.metric_no,
    usage.quantity - usage.estimated_quantity,
    usage.event_count,
    usage.skew_candidate_count,
    usage.first_event_at,
    usage.last_event_at
from {{ ref('int_periods_to_rate') }} as closed
inner join {{ source('store', 'closed_usage') }} as usage using (tenant_no, period_no, invoice_version)
where closed.kind = 'verify' and usage.event_count > 0 and {{ is_folded('closed') }}
