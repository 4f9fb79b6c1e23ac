{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_property_periods)") }}

-- What a property's masters count and its sub-meters do not, by local day. A day on which the sub-meters say more gives
-- nothing, and the days after it in the month give less until that is made up for.
with days as (
    select
        view.view_no, view.property_id, view.config_load_id, view.time_zone, shared.metric_no, shared.charged_metric_no,
        shared.method, {{ local_date('reading.event_at', 'view.time_zone') }} as local_date,
        sum(case reading.meter_role when 'master' then reading.quantity else -reading.quantity end) as quantity
    from {{ ref('int_property_views') }} as view
    inner join {{ ref('stg_config__allocations') }} as shared
        on view.property_id = shared.property_id and {{ in_force('shared', 'view.config_load_id') }}
    inner join {{ ref('int_unit_readings') }} as reading
        on view.view_no = reading.view_no
        and shared.metric_no = reading.metric_no
        and reading.event_at >= view.month_start_at
        and reading.event_at < view.view_end_at
    group by
        view.view_no, view.property_id, view.config_load_id, view.time_zone, shared.metric_no,
        shared.charged_metric_no, shared.method, {{ local_date('reading.event_at', 'view.time_zone') }}
),

carried as (
    select
        *,
        greatest(0, max(so_far) over running) as common_so_far
    from (
        select
            days.*,
            sum(days.quantity) over (
                partition by days.view_no, days.metric_no, date_trunc('month', days.local_date::timestamp)
                order by days.local_date
            ) as so_far
        from days
    ) as summed
    window running as (
        partition by view_no, metric_no, date_trunc('month', local_date::timestamp) order by local_date
    )
)

select
    view_no, property_id, config_load_id, metric_no, charged_metric_no, method, local_date,
    {{ local_midnight('local_date', 'time_zone') }} as day_start_at,
    {{ local_midnight('(local_date + 1)', 'time_zone') }} as day_end_at,
    quantity::numeric(30, 10) as quantity,
    (common_so_far - coalesce(lag(common_so_far) over (
        partition by view_no, metric_no, date_trunc('month', local_date::timestamp) order by local_date
    ), 0))::numeric(30, 10) as allocated_quantity
from carried
