{# The platform publishes no hardware identifier, not even in what it refuses: its last characters only. #}
{% macro masked_raw(raw_text, identifier) -%}
    case
        when {{ looks_like_hardware(identifier) }} then replace(
            {{ raw_text }}, {{ identifier }}, repeat('*', greatest(length({{ identifier }}) - 4, 0)) || right({{ identifier }}, 4)
        )
        else regexp_replace({{ raw_text }}, '([0-9a-f]{2}[:-]){5,7}[0-9a-f]{2}', '**:**:**:**:**:**', 'gi')
    end
{%- endmacro %}

{#
    A row that was plainly typed, as JSON again: the same values, in the platform's normal form, and what the platform
    does not know of it.
#}
{% macro rendered_message(message) -%}
    (
        select (coalesce(extra.fields, '{}') || jsonb_strip_nulls(jsonb_build_object(
            'tenant_id', named_tenant.tenant_id, 'device_id', named_device.device_id, 'metric', named_metric.metric,
            'msg_seq', {{ message }}.msg_seq, 'seq_epoch', {{ message }}.seq_epoch,
            'quantity', trim_scale({{ message }}.quantity)::text,
            'device_ts', {{ message }}.device_ts,
            'sent_ts', case when {{ message }}.sent_ts > '-infinity' then {{ message }}.sent_ts end,
            'received_at', {{ message }}.received_at,
            'session_id', named_session.session_id,
            'unit', named_traits.unit, 'quality', named_traits.quality, 'attributes', named_traits.attributes
        )))::text
        from {{ source('registry', 'tenants') }} as named_tenant
        left join {{ source('registry', 'devices') }} as named_device on named_device.device_no = {{ message }}.device_no
        left join {{ source('registry', 'metrics') }} as named_metric on named_metric.metric_no = {{ message }}.metric_no
        left join {{ source('registry', 'traits') }} as named_traits on named_traits.traits_no = {{ message }}.traits_no
        left join {{ source('registry', 'sessions') }} as named_session
            on named_session.session_key = {{ message }}.session_key
        left join {{ ref('int_extra_fields') }} as extra
            on extra.load_id = {{ message }}.load_id and extra.row_number = {{ message }}.row_number
        where named_tenant.tenant_no = {{ message }}.tenant_no
    )
{%- endmacro %}
