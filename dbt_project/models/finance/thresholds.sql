-- depends_on: {{ ref('store_thresholds') }}
with watched as (
    select tenant_no, period_no, metric_no, 0 as device_no, kind, charge as name, threshold_quantity
    from {{ source('store', 'thresholds') }}
    union all
    select budget.tenant_no, period.period_no, budget.metric_no, budget.device_no, 'budget', budget.budget_id,
        budget.quantity
    from {{ ref('stg_config__budgets') }} as budget
    inner join {{ source('store', 'periods') }} as period on budget.tenant_no = period.tenant_no
    where budget.valid_to_load is null and not {{ is_closed('period.tenant_no', 'period.period_no') }}
),

uses as (
    select
        asked.tenant_no, asked.period_no, asked.metric_no, asked.device_no,
        sum(usage.quantity) as quantity, max(usage.last_event_at) as last_event_at
    from (select distinct tenant_no, period_no, metric_no, device_no from watched) as asked
    inner join {{ source('store', 'usage_days') }} as usage
        on asked.tenant_no = usage.tenant_no
        and asked.period_no = usage.period_no
        and asked.metric_no = usage.metric_no
        and (asked.device_no = 0 or asked.device_no = usage.device_no)
    where usage.event_count > 0 and not {{ is_closed('asked.tenant_no', 'asked.period_no') }}
    group by asked.tenant_no, asked.period_no, asked.metric_no, asked.device_no
),

compared as (
    select *
    from watched
    inner join uses using (tenant_no, period_no, metric_no, device_no)
    left join (
        select
            tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity, recorded_at as passed_at
        from {{ source('store', 'threshold_events') }}
    ) as passed using (tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity)
)

select
    period.tenant_id,
    period.period_id,
    device.device_id,
    metric.metric,
    compared.kind,
    compared.name,
    compared.threshold_quantity,
    compared.quantity::numeric(30, 10) as quantity,
    compared.last_event_at,
    compared.passed_at,
    case when compared.passed_at is null then {{ projected_crossing('period', 'compared') }} end as projected_at
from compared
inner join {{ ref('int_named_periods') }} as period on compared.period_no = period.period_no
inner join {{ source('registry', 'metrics') }} as metric on compared.metric_no = metric.metric_no
left join {{ source('registry', 'devices') }} as device on compared.device_no = device.device_no
