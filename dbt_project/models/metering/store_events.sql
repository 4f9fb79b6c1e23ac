{{ config(
    materialized='store',
    into='events',
    tags=['load'],
    pre_hook=[{'sql': "{{ make_partitions() }}", 'transaction': false}, "{{ joins_of_loads() }}"],
    post_hook=["{{ raise_high_water() }}"]
) }}

-- New identities, and new runs of known ones, enter the store; what is there already stays as it is. A run whose
-- reading came with an earlier load enters unbilled: a restatement of this run bills it, for use follows the loads of a
-- run.
select
    {{ identity() }}, {{ arrival() }},
    event_at,
    case when {{ is_claimed('load_id') }} then period_no else 0 end as period_no,
    timestamp_source,
    (case when {{ is_claimed('load_id') }} then disposition else 'x' end)::"char" as disposition,
    {{ is_claimed('load_id') }} and is_skew_candidate as is_skew_candidate
from {{ ref('int_assigned_events') }}
where stored_device_ts is null
order by {{ identity() }}
