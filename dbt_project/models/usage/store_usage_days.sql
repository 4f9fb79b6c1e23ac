{{ config(
    materialized='store',
    into='usage_days',
    tags=['load'],
    on_conflict=add_usage(),
    post_hook=["{{ mark_loads('usage_days') }}"]
) }}
-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}

{{ added_usage(ref('int_daily_changes'), 'usage_days') }}
