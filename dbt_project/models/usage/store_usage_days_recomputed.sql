{{ config(
    materialized='store',
    into='usage_days',
    tags=['load'],
    pre_hook=["{{ forget_reviewed_usage('usage_days') }}"],
    on_conflict=replace_usage()
) }}
-- depends_on: {{ ref('store_usage_days') }}

{{ recomputed_usage(ref('int_daily_changes')) }}
