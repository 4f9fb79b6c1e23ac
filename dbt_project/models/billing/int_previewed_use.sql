{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_periods_to_rate where kind = 'preview')"
) }}
-- depends_on: {{ ref('store_thresholds') }}

with previewed as (
    select distinct usage.tenant_no, usage.period_no, usage.metric_no
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ source('store', 'usage_days') }} as usage
        on period.tenant_no = usage.tenant_no and period.period_no = usage.period_no
    where period.kind = 'preview'
),

{{ watched_use('previewed') }}
