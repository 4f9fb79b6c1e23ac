{{ config(materialized='scratch', tags=['load'], all_lanes=true) }}
-- depends_on: {{ ref('store_repeats') }}
-- depends_on: {{ ref('store_quarantine') }}
-- depends_on: {{ ref('store_usage_hours_recomputed') }}
-- depends_on: {{ ref('store_usage_days_recomputed') }}
-- depends_on: {{ ref('store_received_hours_repeated') }}
-- depends_on: {{ ref('store_device_receipts') }}

{{ load_balance(true, of_all_lanes('int_kept_messages')) }}
