{{ config(
    materialized='store',
    into='usage_hours',
    tags=['load'],
    on_conflict=replace_usage()
) }}
-- depends_on: {{ ref('store_usage_hours') }}

{{ recomputed_usage(ref('int_hourly_changes')) }}
