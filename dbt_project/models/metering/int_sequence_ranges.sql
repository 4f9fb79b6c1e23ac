-- The numbers of the month that is being folded as ranges without gaps. Where a number never comes again it is taken
-- for all time. Where it may (RULES 8), a range ends with the window, so that its stretch of time stays within one
-- window of each of its readings; a number with several runs has a row for each, with exactly its window.
with events as (
    select
        {{ identity('event') }},
        event.device_ts,
        device.sequence_reuse_window as reuse_window,
        run.run_started_at,
        coalesce(run.run_started_at, event.device_ts) as first_device_ts,
        floor(
            extract(epoch from event.device_ts) / nullif(extract(epoch from device.sequence_reuse_window), 0)
        ) as stretch
    from {{ ref('int_month_to_fold') }} as event
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and device.valid_to_load is null
    left join {{ current_runs() }} as run
        on {{ same_identity('run', 'event') }} and event.stored_device_ts = run.stored_device_ts
),

ordered as (
    select
        *,
        case
            when run_started_at is not null or reuse_window = interval '0' then 1
            when msg_seq = lag(msg_seq::numeric) over in_order + 1 then 0
            else 1
        end as begins
    from events
    window in_order as (
        partition by tenant_no, device_no, metric_no, seq_epoch, run_started_at is null, stretch
        order by case when reuse_window is null then msg_seq end, device_ts, msg_seq
    )
),

ranges as (
    select
        *,
        sum(begins) over (
            partition by tenant_no, device_no, metric_no, seq_epoch, run_started_at is null, stretch
            order by case when reuse_window is null then msg_seq end, device_ts, msg_seq
            rows unbounded preceding
        ) as range_no
    from ordered
)

select
    tenant_no,
    device_no,
    metric_no,
    seq_epoch,
    min(msg_seq) as first_seq,
    max(msg_seq) as last_seq,
    case
        when reuse_window is null then '-infinity'
        when run_started_at is null then min(first_device_ts) - reuse_window
        else run_started_at
    end::timestamptz as first_device_ts,
    case when reuse_window is null then 'infinity' else max(first_device_ts) + reuse_window end::timestamptz
        as last_device_ts
from ranges
group by tenant_no, device_no, metric_no, seq_epoch, stretch, range_no, reuse_window, run_started_at
