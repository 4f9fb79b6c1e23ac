-- depends_on: {{ ref('store_thresholds') }}
with watched as (
    select tenant_no, period_no, metric_no, 0 as device_no, kind, charge as name, threshold_quantity
    from {{ source('store', 'thresholds') }} as bound
    where not {{ is_closed('bound.tenant_no', 'bound.period_no') }}
    union all
    select budget.tenant_no, period.period_no, budget.metric_no, budget.device_no, 'budget', budget.budget_id,
        budget.quantity
    from {{ ref('stg_config__budgets') }} as budget
    inner join {{ source('store', 'periods') }} as period on budget.tenant_no = period.tenant_no
    where budget.valid_to_load is null and not {{ is_closed('period.tenant_no', 'period.period_no') }}
),

uses as (
    {{ use_so_far('watched') }}
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
