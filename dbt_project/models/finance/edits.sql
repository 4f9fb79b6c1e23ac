-- depends_on: {{ ref('store_events') }}
-- depends_on: {{ ref('store_event_restatements') }}
-- The decision stays when its event is archived; the first edit says what was delivered.
select
    coalesce(event.event_id, {{ event_id(
        'tenant.tenant_id', 'device.device_id', 'metric.metric', 'edited.seq_epoch', 'edited.msg_seq',
        'case when config.sequence_reuse_window is not null then edited.stored_device_ts end'
    ) }}) as event_id,
    tenant.tenant_id,
    device.device_id,
    metric.metric,
    period.period_id,
    event.event_at,
    coalesce(event.quantity, first_value(edited.old_quantity) over (
        partition by {{ identity('edited') }}, edited.stored_device_ts
        order by edited.edit_no
    )) as delivered_quantity,
    edited.old_quantity,
    edited.quantity,
    edited.decided_by,
    edited.reason,
    edited.decided_at,
    loads.applied_at is not null as is_counted
from {{ source('store', 'edits') }} as edited
inner join {{ source('ledger', 'loads') }} as loads on edited.load_id = loads.load_id
inner join {{ source('registry', 'tenants') }} as tenant on edited.tenant_no = tenant.tenant_no
inner join {{ source('registry', 'devices') }} as device on edited.device_no = device.device_no
inner join {{ source('registry', 'metrics') }} as metric on edited.metric_no = metric.metric_no
left join {{ ref('stg_config__devices') }} as config
    on edited.device_no = config.device_no and config.valid_to_load is null
{%- if is_spread() %}
left join (
    select again.edit_no, known.event_id, known.event_at, known.quantity, known.period_no
    from {{ source('store', 'edits') }} as again
    inner join {{ ref('int_named_events') }} as known
        on {{ same_identity('known', 'again') }} and again.stored_device_ts = known.stored_device_ts
) as event on edited.edit_no = event.edit_no
{%- else %}
left join lateral (
    select * from {{ ref('int_named_events') }} as known
    where {{ same_identity('known', 'edited') }} and known.stored_device_ts = edited.stored_device_ts
    limit 1
) as event on true
{%- endif %}
left join {{ ref('int_named_periods') }} as period on event.period_no = period.period_no
