{{ config(materialized='store', into='sequence_runs', tags=['load']) }}
-- depends_on: {{ ref('store_events') }}

-- Where the runs of a sequence number begin that has more than one, as this run finds them: what tells a later reader
-- which event an arrival repeats. A first reading that moved is a row of a higher version.
with newest as (
    select max(load_id) as load_id from {{ ref('stg_loads') }}
),

runs as (
    select {{ identity() }}, coalesce(stored_device_ts, device_ts) as stored_device_ts, run_started_at
    from {{ ref('int_contested_arrivals') }}
    where is_kept and run_count > 1
)

select
    {{ identity('run') }},
    run.stored_device_ts,
    coalesce(latest.version, 0) + 1 as version,
    run.run_started_at,
    newest.load_id as cause_load_id
from runs as run
cross join newest
left join lateral (
    select earlier.version, earlier.run_started_at
    from {{ source('store', 'sequence_runs') }} as earlier
    where {{ same_identity('earlier', 'run') }} and earlier.stored_device_ts = run.stored_device_ts
    order by earlier.version desc
    limit 1
) as latest on true
where run.run_started_at is distinct from latest.run_started_at
