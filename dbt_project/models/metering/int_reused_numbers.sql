-- New events whose number its series has given before in the same month: each such time has a series of its own.
select {{ identity() }}, load_id, row_number, run_no::integer as run_no
from {{ ref('int_contested_arrivals') }}
where is_kept and stored_device_ts is null and run_no > 1
