{{ config(
    materialized='store',
    into='received_hours',
    tags=['load'],
    on_conflict='(tenant_no, hour_start_at) do update set duplicate_count = excluded.duplicate_count'
) }}
-- depends_on: {{ ref('store_received_hours') }}
-- depends_on: {{ ref('store_repeats') }}
-- depends_on: {{ ref('store_event_restatements') }}

-- An arrival of an identity that was known may make duplicates of others and conflicts of duplicates: every hour in
-- which one of its arrivals came is counted again, from the repeats of that hour.
with touched as (
    select distinct tenant_no, {{ hour_of('received_at') }} as hour_start_at
    from {{ ref('int_contested_arrivals') }}
)

select
    touched.tenant_no,
    touched.hour_start_at,
    {{ utc_day('touched.hour_start_at') }} as received_date,
    0::bigint as message_count,
    counted.duplicate_count
from touched
cross join lateral (
    select count(*) filter (where not repeated.is_conflict) as duplicate_count
    from {{ ref('int_repeat_state') }} as repeated
    where
        repeated.tenant_no = touched.tenant_no
        and repeated.received_at >= touched.hour_start_at
        and repeated.received_at < touched.hour_start_at + interval '1 hour'
) as counted
