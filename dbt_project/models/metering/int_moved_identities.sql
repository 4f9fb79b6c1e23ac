{{ config(materialized='scratch', tags=['load']) }}

-- Stored events whose kept arrival changes in this run, with the sessions whose evidence has to be taken again:
-- an arrival that was good until now differs from the new kept one, so its delay proves nothing.
with newest as (
    select max(load_id) as load_id from {{ ref('stg_loads') }}
)

select distinct
    {{ identity('old') }},
    held.stored_device_ts,
    newest.load_id as cause_load_id,
    {{ is_conflict('old.quantity', 'old.device_ts', 'new.quantity', 'new.device_ts') }} as is_measurement_changed
from {{ ref('int_contested_arrivals') }} as old
cross join newest
cross join lateral unnest(array[old.first_held_device_ts, old.last_held_device_ts]) as held (stored_device_ts)
inner join {{ ref('int_contested_arrivals') }} as new
    on {{ same_identity('old', 'new') }} and held.stored_device_ts = new.stored_device_ts and new.is_kept
where (old.load_id, old.row_number) <> (new.load_id, new.row_number)
