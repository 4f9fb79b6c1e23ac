-- Messages and duplicates per hour, counted again from all arrivals of the store and from what was folded.
with arrivals as (
    select tenant_no, received_at, false as is_duplicate, 1 as messages from {{ ref('int_event_state') }}
    union all
    select tenant_no, received_at, not is_conflict, 1 from {{ ref('int_repeat_state') }}
    union all
    select tenant_no, hour_start_at, false, message_count from {{ source('store', 'folded_hours') }}
),

counted as (
    select
        tenant_no,
        {{ hour_of('received_at') }} as hour_start_at,
        sum(messages)::bigint as message_count,
        count(*) filter (where is_duplicate) as duplicate_count
    from arrivals
    group by tenant_no, hour_start_at
)

select tenant_no, hour_start_at, hour.message_count, hour.duplicate_count, counted.message_count as arrival_count
from {{ source('store', 'received_hours') }} as hour
full join counted using (tenant_no, hour_start_at)
where (hour.message_count, hour.duplicate_count) is distinct from (counted.message_count, counted.duplicate_count)
