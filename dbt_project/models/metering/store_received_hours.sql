{{ config(
    materialized='store',
    into='received_hours',
    tags=['load'],
    on_conflict='(tenant_no, hour_start_at) do update set message_count = kept.message_count + excluded.message_count',
    post_hook=["{{ mark_loads('received_hours') }}"]
) }}

-- Valid messages by hour of receipt, as amounts to add. A load that carries the mark was added before.
select
    message.tenant_no,
    {{ hour_of('message.received_at') }} as hour_start_at,
    {{ utc_day('message.received_at') }} as received_date,
    count(*) as message_count,
    0::bigint as duplicate_count
from {{ ref('int_messages') }} as message
where
    message.reason is null
    and message.load_id not in ({{ marked_loads('received_hours') }})
group by message.tenant_no, hour_start_at, received_date
