{{ config(
    materialized='store',
    into='device_receipts',
    tags=['load'],
    on_conflict='(tenant_no, device_no) do update set
        first_received_at = least(kept.first_received_at, excluded.first_received_at),
        last_received_at = greatest(kept.last_received_at, excluded.last_received_at)'
) }}

-- When each device was heard first and last: valid messages, repeats and zeros too. Repeatable as it is.
select tenant_no, device_no, min(received_at) as first_received_at, max(received_at) as last_received_at
from {{ ref('int_messages') }}
where reason is null
group by tenant_no, device_no
