-- Events as they now stand, with names in place of registry numbers and the evidence on their clock.
select
    {{ event_id(
        'tenant.tenant_id', 'device.device_id', 'metric.metric', 'state.seq_epoch', 'state.msg_seq',
        'case when config.sequence_reuse_window is not null then state.device_ts end'
    ) }} as event_id,
    tenant.tenant_id,
    device.device_id,
    metric.metric,
    state.tenant_no,
    state.device_no,
    state.metric_no,
    state.period_no,
    state.seq_epoch,
    state.msg_seq,
    state.quantity,
    state.event_at,
    state.stored_device_ts,
    state.device_ts,
    case when state.sent_ts > '-infinity' then state.sent_ts end as sent_ts,
    state.received_at,
    case state.timestamp_source when 'd' then 'device' when 'c' then 'corrected' else 'server' end as timestamp_source,
    round({{ session_offset_us('state') }} / 1000000.0, 6) as clock_offset_seconds,
    state.disposition,
    state.is_skew_candidate,
    session.session_id,
    traits.unit,
    traits.quality,
    traits.attributes,
    loads.region,
    loads.source_file,
    state.row_number as source_row,
    state.load_id
from (
    select known.*, {{ utc_day('known.received_at') }} as received_day from {{ ref('int_event_state') }} as known
) as state
inner join {{ source('registry', 'tenants') }} as tenant on state.tenant_no = tenant.tenant_no
inner join {{ source('registry', 'devices') }} as device on state.device_no = device.device_no
left join {{ ref('stg_config__devices') }} as config
    on state.device_no = config.device_no and config.valid_to_load is null
inner join {{ source('registry', 'metrics') }} as metric on state.metric_no = metric.metric_no
inner join {{ source('registry', 'traits') }} as traits on state.traits_no = traits.traits_no
inner join {{ source('ledger', 'loads') }} as loads on state.load_id = loads.load_id
left join {{ source('registry', 'sessions') }} as session on state.session_key = session.session_key
