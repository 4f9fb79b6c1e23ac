-- Plain rows carry registry numbers already; odd rows find theirs here, by the same names, byte for byte.
with plain as (
    select
        load_id, row_number, tenant_no, device_no, metric_no, traits_no, session_key, msg_seq, seq_epoch,
        quantity, device_ts, sent_ts, received_at,
        null::text as form_reason, null::text as form_detail,
        null::text as tenant_id, null::text as device_id, null::text as metric
    from {{ source('raw', 'messages') }}
    where {{ is_claimed('load_id') }}
),

odd as (
    select
        message.load_id,
        message.row_number,
        tenant.tenant_no,
        device.device_no,
        metric.metric_no,
        coalesce(traits.traits_no, 0) as traits_no,
        case when message.session_id is null then 0 else {{ session_key('message.session_id') }} end as session_key,
        message.msg_seq,
        message.seq_epoch,
        message.quantity,
        message.device_ts,
        message.sent_ts,
        message.received_at,
        message.form_reason,
        message.form_detail,
        message.tenant_id,
        message.device_id,
        message.metric
    from {{ ref('stg_odd_messages') }} as message
    left join {{ source('registry', 'tenants') }} as tenant using (tenant_id)
    left join {{ source('registry', 'devices') }} as device
        on tenant.tenant_no = device.tenant_no and message.device_id = device.device_id
    left join {{ source('registry', 'metrics') }} as metric on message.metric = metric.metric
    left join {{ source('registry', 'traits') }} as traits
        on traits.traits_no > 0
        and message.unit is not distinct from traits.unit
        and message.quality is not distinct from traits.quality
        and message.attributes is not distinct from traits.attributes
),

together as (
    select * from plain
    union all
    select * from odd
)

select
    message.*,
    loads.region,
    loads.received_date,
    loads.file_rank,
    tenant.region as tenant_region,
    metric.unit as metric_unit,
    metric.reading_type,
    traits.unit
from together as message
inner join {{ ref('stg_loads') }} as loads on message.load_id = loads.load_id
left join {{ ref('stg_config__tenants') }} as tenant
    on message.tenant_no = tenant.tenant_no and tenant.valid_to_load is null
left join {{ ref('stg_config__metrics') }} as metric
    on message.metric_no = metric.metric_no and metric.valid_to_load is null
left join {{ source('registry', 'traits') }} as traits on message.traits_no = traits.traits_no
