{{ config(materialized='scratch', tags=['load']) }}
-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}

-- Readings of registers that the claimed loads brought, restated, edited or look at with another configuration, as they
-- now stand, and from when on they touch their chain: the earliest of the old and the new instants.
with touching as (
    select {{ identity() }}, device_ts as stored_device_ts, event_at as touched_at
    from {{ source('store', 'events') }}
    where {{ is_claimed('load_id') }} and {{ in_lane('tenant_no') }}
    union all
    select {{ identity() }}, stored_device_ts, least(event_at, old_event_at)
    from {{ source('store', 'event_restatements') }}
    where {{ is_claimed('cause_load_id') }} and {{ in_lane('tenant_no') }}
    union all
    select {{ identity() }}, stored_device_ts, event_at from {{ ref('int_edited_events') }}
    union all
    select {{ identity('reviewed') }}, reviewed.stored_device_ts, reviewed.event_at
    from {{ ref('int_reviewed_events') }} as reviewed
),

touched as (
    select {{ identity('touching') }}, touching.stored_device_ts, min(touching.touched_at) as touched_at
    from touching
    inner join {{ ref('stg_config__metrics') }} as metric
        on touching.metric_no = metric.metric_no and metric.valid_to_load is null
    where {{ is_register('metric') }}
    group by {{ identity('touching') }}, touching.stored_device_ts
)

select
    {{ identity('touched') }},
    touched.stored_device_ts,
    touched.touched_at,
    state.event_at,
    state.period_no,
    {{ edited_quantity('state') }} as quantity,
    state.disposition,
    state.is_skew_candidate,
    {{ is_exchange_reading('state.traits_no') }} as is_exchange
from touched
{{ looked_up(
    ref('int_event_state'), 'state',
    same_identity('state', 'touched') ~ ' and state.stored_device_ts = touched.stored_device_ts'
) }}
