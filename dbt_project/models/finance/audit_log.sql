select
    stream,
    seq,
    recorded_at,
    actor,
    action,
    payload,
    previous_hash,
    hash
from {{ source('audit', 'log') }}
