{{ config(
    materialized='store',
    into='usage_hours',
    tags=['load'],
    pre_hook=["{{ forget_reviewed_usage('usage_hours') }}"],
    on_conflict=replace_usage()
) }}
-- depends_on: {{ ref('store_usage_hours') }}

{{ recomputed_usage(ref('int_hourly_changes')) }}
