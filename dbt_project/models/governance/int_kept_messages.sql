{{ config(materialized='scratch', tags=['load'], pre_hook=["{{ joins_of_loads() }}"]) }}
-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}

{{ kept_messages(true) }}
