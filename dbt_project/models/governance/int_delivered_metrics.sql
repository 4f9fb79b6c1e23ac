-- The events of the days that the event store gate is about to judge. Counted for each load before anything is joined:
-- what each step costs then follows from the events alone, whatever the planner takes the number of loads for.
with counted as materialized (
    select
        event.load_id,
        event.tenant_no,
        event.metric_no,
        event.period_no,
        count(*) as event_count,
        count(*) filter (where event.timestamp_source <> 'd') as untrusted_count,
        extract(epoch from max(event.event_at - event.received_at)) as greatest_ahead_seconds,
        max(event.quantity) as greatest_quantity,
        sum(event.quantity) as quantity
    from (
        {{ rows_of_loads(source('store', 'events'), ref('int_unseen_loads'), ref('int_unseen_stretches')) }}
    ) as event
    group by event.load_id, event.tenant_no, event.metric_no, event.period_no
),

dated as (
    select
        counted.*,
        (
            select file.received_date from {{ source('ledger', 'loads') }} as file
            where file.load_id = counted.load_id
        ) as received_date
    from counted
)

select
    dated.received_date,
    dated.tenant_no,
    dated.metric_no,
    sum(dated.event_count)::bigint as event_count,
    sum(dated.untrusted_count)::bigint as untrusted_count,
    max(dated.greatest_ahead_seconds) as greatest_ahead_seconds,
    case
        when
            sum(dated.event_count) >= {{ events_of_a_fleet() }}
            and metric.aggregation = 'sum'
            and sum(dated.quantity) > 0
            then max(dated.greatest_quantity) / sum(dated.quantity)
    end as largest_event_ratio,
    array_agg(distinct dated.period_no) as period_nos
from dated
left join {{ ref('stg_config__metrics') }} as metric
    on dated.metric_no = metric.metric_no and metric.valid_to_load is null
group by dated.received_date, dated.tenant_no, dated.metric_no, metric.aggregation
