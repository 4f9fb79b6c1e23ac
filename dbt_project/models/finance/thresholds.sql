-- depends_on: {{ ref('store_thresholds') }}
with watched as (
    select tenant_no, period_no, metric_no, 0 as device_no, kind, charge as name, threshold_quantity
    from {{ source('store', 'thresholds') }}
    union all
    select budget.tenant_no, period.period_no, budget.metric_no, budget.device_no, 'budget', budget.budget_id,
        budget.quantity
    from {{ ref('stg_config__budgets') }} as budget
    inner join {{ source('store', 'periods') }} as period on budget.tenant_no = period.tenant_no
    where budget.valid_to_load is null
),

uses as (
    select
        watched.*, found.quantity, found.last_event_at
    from watched
    cross join lateral (
        select sum(usage.quantity) as quantity, max(usage.last_event_at) as last_event_at
        from {{ source('store', 'usage_days') }} as usage
        where
            usage.tenant_no = watched.tenant_no
            and usage.period_no = watched.period_no
            and usage.metric_no = watched.metric_no
            and (watched.device_no = 0 or usage.device_no = watched.device_no)
            and usage.event_count > 0
    ) as found
    where found.last_event_at is not null and not {{ is_closed('watched.tenant_no', 'watched.period_no') }}
)

select
    period.tenant_id,
    period.period_id,
    device.device_id,
    metric.metric,
    uses.kind,
    uses.name,
    uses.threshold_quantity,
    uses.quantity::numeric(30, 10) as quantity,
    uses.last_event_at,
    passed.recorded_at as passed_at,
    case when passed.recorded_at is null then {{ projected_crossing('period', 'uses') }} end as projected_at
from uses
inner join {{ ref('int_named_periods') }} as period on uses.period_no = period.period_no
inner join {{ source('registry', 'metrics') }} as metric on uses.metric_no = metric.metric_no
left join {{ source('registry', 'devices') }} as device on uses.device_no = device.device_no
left join {{ source('store', 'threshold_events') }} as passed
    on uses.tenant_no = passed.tenant_no
    and uses.period_no = passed.period_no
    and uses.metric_no = passed.metric_no
    and uses.device_no = passed.device_no
    and uses.kind = passed.kind
    and uses.name = passed.name
    and uses.threshold_quantity = passed.threshold_quantity
