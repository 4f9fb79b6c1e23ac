{{ config(
    materialized='scratch',
    tags=['load'],
    only_when=is_anything_watched()
) }}
-- depends_on: {{ ref('store_usage_days_recomputed') }}
-- depends_on: {{ ref('store_usage_days_registers') }}

-- Thresholds that use of open periods has not passed yet, of what this run metered, with the use so far: of the tenant,
-- or of one device where the device of a budget is not 0.
with metered as (
    select tenant_no, period_no, metric_no from {{ ref('int_daily_changes') }}
    union
    select tenant_no, period_no, metric_no from {{ ref('int_register_changes') }}
),

open as (
    select metered.*
    from metered
    where not {{ is_closed('metered.tenant_no', 'metered.period_no') }}
),

watched as (
    select open.*, 0 as device_no, limit_.kind, limit_.charge as name, limit_.threshold_quantity
    from open
    inner join {{ source('store', 'thresholds') }} as limit_ using (tenant_no, period_no, metric_no)
    union all
    select open.*, budget.device_no, 'budget', budget.budget_id, budget.quantity
    from open
    inner join {{ ref('stg_config__budgets') }} as budget using (tenant_no, metric_no)
    where budget.valid_to_load is null
),

waiting as (
    select watched.*
    from watched
    left join {{ source('store', 'threshold_events') }} as passed
        using (tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity)
    where passed.threshold_event_no is null
),

uses as (
    select
        asked.tenant_no, asked.period_no, asked.metric_no, asked.device_no,
        sum(usage.quantity) as quantity, max(usage.last_event_at) as last_event_at
    from (select distinct tenant_no, period_no, metric_no, device_no from waiting) as asked
    inner join {{ source('store', 'usage_days') }} as usage
        on asked.tenant_no = usage.tenant_no
        and asked.period_no = usage.period_no
        and asked.metric_no = usage.metric_no
        and (asked.device_no = 0 or asked.device_no = usage.device_no)
    where usage.event_count > 0
    group by asked.tenant_no, asked.period_no, asked.metric_no, asked.device_no
)

select
    tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity,
    uses.quantity::numeric(30, 10) as quantity,
    uses.last_event_at
from waiting
inner join uses using (tenant_no, period_no, metric_no, device_no)
