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
),

-- Both are null where the unit is not declared. Joined, and not asked for message by message: a look-up that computes
-- from the message is made anew for each of them.
compared as (
    select
        message.*,
        declared.converted_traits_no,
        {{ converted_quantity('message.quantity', 'declared') }} as converted_quantity,
        {{ holds_unrounded(converted_quantity('message.quantity', 'declared')) }} as fits
    from together as message
    left join {{ ref('stg_converted_traits') }} as declared
        on message.metric_no = declared.metric_no and message.traits_no = declared.traits_no
),

-- A message in a declared unit goes on in the metric's own; where that is no quantity, as it was delivered.
converted as (
    select
        load_id, row_number, tenant_no, device_no, metric_no,
        case when fits then converted_traits_no else traits_no end as traits_no,
        session_key, msg_seq, seq_epoch,
        case when fits then converted_quantity else quantity end::numeric(20, 10) as quantity,
        device_ts, sent_ts, received_at,
        case when not fits then 'bad_quantity' else form_reason end as form_reason,
        case
            when not fits
                then 'quantity in the unit of metrics.csv must have at most 10 integer digits and 10 decimals'
            else form_detail
        end as form_detail,
        tenant_id, device_id, metric
    from compared
)

select
    message.*,
    loads.region,
    loads.received_date,
    tenant.region as tenant_region,
    metric.unit as metric_unit,
    metric.reading_type,
    traits.unit
from converted as message
inner join {{ ref('stg_loads') }} as loads on message.load_id = loads.load_id
left join {{ ref('stg_config__tenants') }} as tenant
    on message.tenant_no = tenant.tenant_no and tenant.valid_to_load is null
left join {{ ref('stg_config__metrics') }} as metric
    on message.metric_no = metric.metric_no and metric.valid_to_load is null
left join {{ source('registry', 'traits') }} as traits on message.traits_no = traits.traits_no
