select
    calendar,
    holiday_date::date as holiday_date,
    name,
    valid_from_load,
    valid_to_load
from {{ source('config', 'holidays') }}
