{{ config(materialized='scratch', tags=['load']) }}

-- Stored events whose kept arrival changes in this run, with the sessions whose evidence has to be taken again:
-- an arrival that was good until now differs from the new kept one, so its delay proves nothing.
select
    {{ identity('old') }},
    old.stored_device_ts,
    new.load_id as cause_load_id,
    {{ is_conflict('old.quantity', 'old.device_ts', 'new.quantity', 'new.device_ts') }} as is_measurement_changed
from {{ ref('int_contested_arrivals') }} as old
inner join {{ ref('int_contested_arrivals') }} as new on {{ same_identity('old', 'new') }}
where old.is_current and not old.is_kept and new.is_kept
