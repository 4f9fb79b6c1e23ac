{{ config(materialized='store', into='repeats', tags=['load']) }}

-- Arrivals that are not the kept one: those of this run, and a kept one that an earlier arrival displaces.
select {{ identity() }}, {{ arrival() }}
from {{ ref('int_contested_arrivals') }}
where not is_kept and (is_claimed or is_current)
