-- A date ends the cycle that began on the date before it; the last one begins none.
select
    calendar,
    period_start_date::date as cycle_start_date,
    lead(period_start_date::date) over (partition by calendar order by period_start_date::date) as cycle_end_date,
    valid_from_load
from {{ source('config', 'calendars') }}
where valid_to_load is null
