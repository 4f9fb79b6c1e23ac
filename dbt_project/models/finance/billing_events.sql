-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}
select
    event.event_id,
    event.tenant_id,
    event.device_id,
    event.metric,
    event.quantity,
    event.event_at,
    event.received_at,
    period.period_id,
    event.timestamp_source,
    event.clock_offset_seconds,
    event.is_skew_candidate,
    event.region,
    event.source_file,
    event.source_row,
    event.device_ts,
    event.sent_ts,
    event.seq_epoch,
    event.msg_seq,
    event.session_id,
    event.unit,
    event.quality
from {{ ref('int_named_events') }} as event
inner join {{ ref('int_named_periods') }} as period on event.period_no = period.period_no
where {{ is_billed('event.disposition') }}
