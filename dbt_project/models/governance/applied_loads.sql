{{ config(
    materialized='scratch',
    tags=['load'],
    all_lanes=true,
    post_hook=["{{ apply_loads() }}"]
) }}

-- depends_on: {{ ref('store_marked_events') }}
-- depends_on: {{ ref('store_seen_exchanges') }}
-- depends_on: {{ ref('store_threshold_events') }}

-- The last step: only a run whose checks passed reaches it, and it applies what every sum has been marked with.
with claimed as (
    select load_id, message_count from {{ ref('run_balance') }}
    union all
    select load_id, 0 from {{ ref('stg_loads') }} where region is null
)

select claimed.load_id, claimed.message_count
from claimed
where
    (
        select count(*) = 3 * max(cardinality(mark.lane_starts))
        from {{ source('ledger', 'marks') }} as mark
        where mark.load_id = claimed.load_id and mark.model in ('usage_hours', 'usage_days', 'received_hours')
    )
