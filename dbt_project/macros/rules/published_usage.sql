{# Buckets under their published names. `usage` is a relation with registry numbers and bucket_end_at. #}
{% macro published_usage(usage) -%}
    select
        period.tenant_id,
        device.device_id,
        metric.metric,
        usage.bucket_start_at,
        period.period_id,
        usage.quantity,
        usage.event_count::bigint as event_count,
        coalesce({{ is_final('usage.bucket_end_at', 'watermark.last_received_at') }}, false) as is_final
    from {{ usage }} as usage
    inner join {{ ref('int_named_periods') }} as period on usage.period_no = period.period_no
    inner join {{ source('registry', 'devices') }} as device on usage.device_no = device.device_no
    inner join {{ source('registry', 'metrics') }} as metric on usage.metric_no = metric.metric_no
    inner join {{ ref('stg_config__tenants') }} as tenant
        on usage.tenant_no = tenant.tenant_no and tenant.valid_to_load is null
    left join {{ ref('int_watermarks') }} as watermark on tenant.region = watermark.region
    where usage.event_count > 0
{%- endmacro %}

{% macro is_final(bucket_end_at, last_received_at) -%}
    {{ last_received_at }} >= {{ bucket_end_at }} + interval '5 minutes'
{%- endmacro %}
