-- Period and lateness of the events that this run dated: one join, because the calendar is cut beforehand. Only what is
-- late under a contract that defers looks further, for the period that was open when it was received. What a folded
-- period cannot take is not billed.
select
    {{ identity('event') }},
    {{ arrival('event') }},
    event.stored_device_ts,
    event.timestamp_source,
    event.event_at,
    case
        when {{ is_settled('metric', 'billed_in') }} then coalesce(segment.period_no, 0) else billed_in.period_no
    end as period_no,
    ({{ disposition(
        'event.received_at', 'segment.boundary_at', 'segment.late_policy', 'open_period.period_no',
        is_settled('metric', 'billed_in')
    ) }})::"char" as disposition,
    {{ is_skew_candidate(
        'event.device_ts',
        'coalesce(open_period.period_start_at, segment.period_start_at)',
        'coalesce(open_period.period_end_at, segment.period_end_at)'
    ) }} as is_skew_candidate
from {{ ref('int_dated_events') }} as event
left join {{ ref('int_calendar_segments') }} as segment
    on event.tenant_no = segment.tenant_no
    and {{ utc_day('event.event_at') }} = segment.utc_day
    and event.event_at >= segment.segment_start_at
    and event.event_at < segment.segment_end_at
left join lateral (
    select period.period_no, period.period_start_at, period.period_end_at
    from {{ source('store', 'periods') }} as period
    where
        segment.late_policy = 'defer'
        and event.received_at >= segment.boundary_at
        and event.tenant_no = period.tenant_no
        and event.received_at >= period.period_start_at
        and event.received_at < period.period_end_at
    limit 1
) as open_period on true
cross join lateral (
    select event.tenant_no, coalesce(open_period.period_no, segment.period_no, 0) as period_no
) as billed_in
left join {{ ref('stg_config__metrics') }} as metric
    on event.metric_no = metric.metric_no and metric.valid_to_load is null
