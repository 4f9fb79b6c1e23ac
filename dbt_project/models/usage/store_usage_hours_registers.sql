{{ config(
    materialized='store',
    into='usage_hours',
    tags=['load'],
    on_conflict=replace_usage()
) }}
-- depends_on: {{ ref('store_usage_hours_recomputed') }}
-- depends_on: {{ ref('store_register_uses') }}

{{ register_usage(ref('int_hourly_changes'), ref('int_register_hours')) }}
