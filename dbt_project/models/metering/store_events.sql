{{ config(
    materialized='store',
    into='events',
    tags=['load'],
    pre_hook=[{'sql': "{{ make_partitions() }}", 'transaction': false}],
    post_hook=["{{ raise_high_water() }}"]
) }}

-- New identities enter the store; what is there already stays as it is.
select
    {{ identity() }}, {{ arrival() }},
    event_at, period_no, timestamp_source, disposition, is_skew_candidate
from {{ ref('int_assigned_events') }}
where stored_device_ts is null
order by {{ identity() }}
