-- A row of doubtful form is judged field by field; where every field proves good after all it goes on like any other.
with placed as (
    select
        field.load_id,
        field.row_number,
        field.is_unparsable,
        {% for field in message_fields() | reject('equalto', 'device_ts') -%}
        field.{{ field }}, field.{{ field }}_type,
        {% endfor -%}
        coalesce(({{ utc_text('local_time.device_at') }}), field.device_ts) as device_ts,
        case when local_time.device_at is null then field.device_ts_type else 'text' end as device_ts_type
    from {{ ref('stg_odd_fields') }} as field
    left join {{ ref('stg_local_times') }} as local_time
        on field.load_id = local_time.load_id and field.row_number = local_time.row_number
),

judged as (
    select
        *,
        {{ form_reason() }} as form_reason,
        {{ form_detail() }} as form_detail
    from placed
)

select
    load_id,
    row_number,
    form_reason,
    form_detail,
    tenant_id,
    device_id,
    metric,
    session_id,
    unit,
    quality,
    attributes::jsonb as attributes,
    msg_seq::numeric::bigint as msg_seq,
    coalesce(seq_epoch::numeric::bigint, 0) as seq_epoch,
    {{ quantity_of('quantity') }} as quantity,
    raw.instant_of(device_ts) as device_ts,
    coalesce(raw.instant_of(sent_ts), '-infinity') as sent_ts,
    raw.instant_of(received_at) as received_at
from judged
where form_reason is null

union all

select
    load_id, row_number, form_reason, form_detail, tenant_id, device_id, metric,
    null, null, null, null, null, null, null, null, null, null
from judged
where form_reason is not null
