{{ config(
    materialized='store',
    into='slim_events',
    tags=['load'],
    on_conflict='fail',
    pre_hook=[
        {'sql': "{{ make_partitions() }}", 'transaction': false},
        "{{ joins_of_loads() }}"
    ],
    post_hook=["{{ raise_high_water() }}"]
) }}
-- depends_on: {{ ref('store_series') }}

-- New identities, and new runs of known ones, enter the store; what is there already was found by its mark, which the
-- same transaction raises. A run whose reading came with an earlier load enters unbilled: a restatement of this run
-- bills it, for use follows the loads of a run.
select
    event.tenant_no,
    series.series_no,
    event.msg_seq,
    {{ arrival('event') }},
    event.event_at,
    case when {{ is_claimed('event.load_id') }} then event.period_no else 0 end as period_no,
    event.timestamp_source,
    (case when {{ is_claimed('event.load_id') }} then event.disposition else 'x' end)::"char" as disposition,
    {{ is_claimed('event.load_id') }} and event.is_skew_candidate as is_skew_candidate
from {{ ref('int_assigned_events') }} as event
-- The row says which event it is; with its identity it is looked for where the event lies.
left join {{ ref('int_reused_numbers') }} as reused
    on {{ same_identity('event', 'reused') }}
    and (event.load_id, event.row_number) = (reused.load_id, reused.row_number)
inner join {{ source('store', 'series') }} as series
    on {{ same_series('event', 'series') }} and series.run_no = coalesce(reused.run_no, 1)
where event.stored_device_ts is null
-- In the order of the key, which its index takes more easily; of several machines one would have to sort for all.
{% if not is_spread() %}order by event.tenant_no, series.series_no, event.msg_seq{% endif %}
