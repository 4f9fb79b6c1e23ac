{{ config(materialized='scratch', tags=['close']) }}

-- The use of closed periods anew from their events, as the store stood at the close: what loads with a higher number,
-- or applied after the close was recorded, have added or restated is left out. A close never runs this.
with closed as (
    select * from {{ ref('int_periods_to_rate') }} where kind = 'verify'
),

applied_later as (
    select distinct closed.close_id, load.load_id
    from (
        select close_id, max(last_load_id) as last_load_id, min(recorded_at) as recorded_at
        from closed
        group by close_id
    ) as closed
    inner join {{ source('ledger', 'loads') }} as load
        on closed.last_load_id >= load.load_id and closed.recorded_at < load.applied_at
),

states as (
    select
        {{ identity() }}, device_ts as stored_device_ts, 0 as version, load_id as cause_load_id,
        event_at, period_no, disposition, is_skew_candidate, quantity
    from {{ source('store', 'events') }}
    union all
    select
        {{ identity() }}, stored_device_ts, version, cause_load_id,
        event_at, period_no, disposition, is_skew_candidate, quantity
    from {{ source('store', 'event_restatements') }}
),

known as (
    select closed.close_id, closed.invoice_version, closed.last_load_id, closed.config_load_id, states.*
    from closed
    inner join states
        on closed.tenant_no = states.tenant_no
        and closed.period_no = states.period_no
        and closed.last_load_id >= states.cause_load_id
    where
        states.disposition = 'b'
        and not exists (
            select 1 from applied_later
            where applied_later.close_id = closed.close_id and applied_later.load_id = states.cause_load_id
        )
),

as_of_close as (
    select known.*
    from known
    where not exists (
        select 1
        from {{ source('store', 'event_restatements') }} as later
        where
            {{ same_identity('later', 'known') }}
            and later.stored_device_ts = known.stored_device_ts
            and later.version > known.version
            and later.cause_load_id <= known.last_load_id
            and not exists (
                select 1 from applied_later
                where applied_later.close_id = known.close_id and applied_later.load_id = later.cause_load_id
            )
    )
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
    max(event.event_at) as last_event_at,
    0::numeric(30, 10) as estimated_quantity
from as_of_close as event
left join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and {{ in_force('metric', 'event.config_load_id') }}
where exists (select 1 from {{ ref('int_close_request') }} where kind = 'verify')
group by
    event.tenant_no, event.period_no, event.invoice_version, event.device_no, event.metric_no, metric.aggregation
