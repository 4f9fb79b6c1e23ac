-- Recomputed readings with the UTC hour they fall into.
select
    *,
    {{ hour_of('event_at') }} as bucket_start_at,
    {{ hour_of('event_at') }} + interval '1 hour' as bucket_end_at
from {{ ref('int_register_uses') }}
