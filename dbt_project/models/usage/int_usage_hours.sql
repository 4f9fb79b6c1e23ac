select *, bucket_start_at + interval '1 hour' as bucket_end_at
from {{ source('store', 'usage_hours') }}
