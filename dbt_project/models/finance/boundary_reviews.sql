-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}
with changes as (
    select tenant_no, period_start_at as change_at from {{ source('store', 'periods') }}
    union
    select tenant_no, period_end_at from {{ source('store', 'periods') }}
),

near as (
    select event.*, changes.change_at
    from changes
    inner join {{ ref('int_doubtful_events') }} as event
        on changes.tenant_no = event.tenant_no
        and event.event_at >= changes.change_at - {{ review_distance() }}
        and event.event_at <= changes.change_at + {{ review_distance() }}
    where event.timestamp_source <> 'd'
)

select
    event.event_id,
    event.tenant_id,
    event.device_id,
    event.metric,
    event.quantity,
    event.device_ts,
    event.event_at,
    event.received_at,
    event.timestamp_source,
    event.clock_offset_seconds,
    near.change_at as period_change_at,
    case when near.event_at < near.change_at then 'before' else 'after' end as side,
    round(extract(epoch from near.event_at - near.change_at), 6) as seconds_from_change,
    (event.device_ts < near.change_at) <> (near.event_at < near.change_at) as is_disputed,
    period.period_id,
    {{ is_billed('near.disposition') }} as is_billed
from near
inner join {{ ref('int_named_events') }} as event
    on {{ same_identity('event', 'near') }}
    and near.load_id = event.load_id
    and near.row_number = event.source_row
left join {{ ref('int_named_periods') }} as period on event.period_no = period.period_no
