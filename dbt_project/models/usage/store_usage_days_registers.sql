{{ config(
    materialized='store',
    into='usage_days',
    tags=['load'],
    on_conflict=replace_usage()
) }}
-- depends_on: {{ ref('store_usage_days_recomputed') }}
-- depends_on: {{ ref('store_register_uses') }}

{{ register_usage(ref('int_daily_changes'), ref('int_register_days')) }}
