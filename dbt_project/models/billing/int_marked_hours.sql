-- Hours with messages that say themselves that something is unusual: to close by the list of such events, to verify
-- from all events as the close found them. Their use only where a message carries its own.
with marked as (
    select
        period.tenant_no, period.period_no, period.invoice_version, period.config_load_id,
        state.device_no, state.metric_no, state.event_at, state.quantity, state.traits_no
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ source('store', 'marked_events') }} as listed
        on period.tenant_no = listed.tenant_no and period.period_no = listed.period_no
    cross join lateral (
        select * from {{ ref('int_metered_events') }} as known
        where {{ same_identity('known', 'listed') }} and known.stored_device_ts = listed.stored_device_ts
        limit 1
    ) as state
    where {{ reads_current('period.kind') }} and state.period_no = period.period_no

    union all

    select
        tenant_no, closed_period_no, invoice_version, config_load_id, device_no, metric_no, event_at, quantity,
        traits_no
    from (
        {{ events_as_of_close(
            'closed.period_no = states.period_no and states.traits_no in (select traits_no from '
            ~ doubted_traits() ~ ' as doubted)'
        ) }}
    ) as event
)

select
    marked.tenant_no, marked.period_no, marked.invoice_version, marked.device_no, marked.metric_no,
    {{ hour_of('marked.event_at') }} as hour_at,
    doubted.flag,
    sum(marked.quantity) filter (where metric.reading_type = 'delta' and metric.aggregation = 'sum') as quantity
from marked
inner join {{ doubted_traits() }} as doubted using (traits_no)
left join {{ ref('stg_config__metrics') }} as metric
    on marked.metric_no = metric.metric_no and {{ in_force('metric', 'marked.config_load_id') }}
group by
    marked.tenant_no, marked.period_no, marked.invoice_version, marked.device_no, marked.metric_no, hour_at,
    doubted.flag
