-- What an archive keeps of an event and a dispute asks about it, whatever became of it.
select
    event.event_id,
    event.tenant_id,
    event.device_id,
    event.metric,
    event.quantity,
    (
        select edited.quantity
        from {{ source('store', 'edits') }} as edited
        inner join {{ source('ledger', 'loads') }} as decided on edited.load_id = decided.load_id
        where
            {{ same_identity('edited', 'event') }}
            and edited.stored_device_ts = event.stored_device_ts
            and decided.applied_at is not null
        order by edited.decided_at desc
        limit 1
    ) as edited_quantity,
    coalesce(
        {{ late_decision('event.disposition') }}, case event.disposition when 'x' then 'no_contract' else 'billed' end
    ) as disposition,
    case when {{ is_billed('event.disposition') }} then period.period_id end as period_id,
    event.event_at,
    event.received_at,
    event.device_ts,
    event.sent_ts,
    event.timestamp_source,
    event.clock_offset_seconds,
    event.is_skew_candidate,
    event.seq_epoch,
    event.msg_seq,
    event.session_id,
    event.unit,
    event.quality,
    event.attributes::text as attributes,
    event.region,
    event.source_file,
    event.source_row,
    event.stored_device_ts,
    event.tenant_no
from {{ ref('int_named_events') }} as event
left join {{ ref('int_named_periods') }} as period on event.period_no = period.period_no
