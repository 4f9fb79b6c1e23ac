select
    schedule,
    sequence::integer as sequence,
    part,
    coalesce(season_start, '01-01') as season_start,
    coalesce(season_end, '12-31') as season_end,
    coalesce(days, 'all') as days,
    {{ minute_of_day("coalesce(starts_time, '00:00')") }} as starts_minute,
    {{ minute_of_day("coalesce(ends_time, '24:00')") }} as ends_minute,
    calendar,
    valid_from_load,
    valid_to_load
from {{ source('config', 'time_of_use') }}
