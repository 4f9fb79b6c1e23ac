{{ config(
    materialized='store',
    into='usage_days',
    tags=['load'],
    on_conflict=replace_usage()
) }}
-- depends_on: {{ ref('store_usage_days') }}

{{ recomputed_usage(ref('int_daily_changes')) }}
