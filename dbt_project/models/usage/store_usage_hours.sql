{{ config(
    materialized='store',
    into='usage_hours',
    tags=['load'],
    on_conflict=add_usage(),
    post_hook=["{{ mark_loads('usage_hours') }}"]
) }}
-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}

{{ added_usage(ref('int_hourly_changes'), 'usage_hours') }}
