{{ config(
    materialized='scratch',
    tags=['load'],
    only_when=is_anything_watched()
) }}
-- depends_on: {{ ref('store_usage_days_recomputed') }}
-- depends_on: {{ ref('store_usage_days_registers') }}

with metered as (
    select tenant_no, period_no, metric_no from {{ ref('int_usage_changes') }}
    union
    select tenant_no, period_no, metric_no from {{ ref('int_register_changes') }}
),

{{ watched_use('metered') }}
