select
    jurisdiction,
    tax,
    effective_from_date::date as effective_from_date,
    percent::numeric as percent,
    valid_from_load,
    valid_to_load
from {{ source('config', 'taxes') }}
