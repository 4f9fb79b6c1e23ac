{{ config(materialized='store', into='event_restatements', tags=['load']) }}
-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_repeats') }}
-- depends_on: {{ ref('store_sequence_runs') }}

-- Stored events that this run sees otherwise. Nothing is overwritten: the new state is a row of its own. What a folded
-- period has billed keeps its place and time there: its buckets cannot lose it any more.
with newest as (
    select max(load_id) as load_id from {{ ref('stg_loads') }}
)

select
    {{ identity('event') }},
    state.stored_device_ts,
    state.version + 1 as version,
    newest.load_id as cause_load_id,
    {{ arrival('event') }},
    placed.event_at,
    placed.period_no,
    placed.timestamp_source,
    placed.disposition,
    placed.is_skew_candidate,
    state.event_at as old_event_at,
    state.period_no as old_period_no,
    state.disposition as old_disposition,
    state.is_skew_candidate as old_is_skew_candidate,
    state.quantity as old_quantity
from {{ ref('int_assigned_events') }} as event
cross join newest
cross join lateral (
    select known.*, {{ is_folded('known') }} as is_in_folded_period from {{ ref('int_event_state') }} as known
    where
        {{ same_identity('known', 'event') }}
        and known.stored_device_ts = coalesce(event.stored_device_ts, event.device_ts)
    limit 1
) as state
cross join lateral (
    select {{ is_billed('state.disposition') }} and state.is_in_folded_period as is_kept
) as place
cross join lateral (
    select
        {%- for column in ('event_at', 'period_no', 'timestamp_source', 'disposition', 'is_skew_candidate') %}
        case when place.is_kept then state.{{ column }} else event.{{ column }} end as {{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
) as placed
where
    (event.stored_device_ts is not null or not {{ is_claimed('event.load_id') }})
    and row(
        event.load_id, event.row_number, event.quantity, event.device_ts, placed.event_at, placed.period_no,
        placed.disposition, placed.timestamp_source, placed.is_skew_candidate
    ) is distinct from row(
        state.load_id, state.row_number, state.quantity, state.device_ts, state.event_at, state.period_no,
        state.disposition, state.timestamp_source, state.is_skew_candidate
    )
