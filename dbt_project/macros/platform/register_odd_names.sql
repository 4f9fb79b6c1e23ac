{#
    Rows of doubtful form that prove good bring their units, flags, tags and sessions into the registry here; so do the
    metrics' own units, in which messages of a declared other unit go on. In a transaction of its own: other lanes bring
    the same, and would wait for the end of this one.
#}
{% macro register_odd_names() -%}
    insert into {{ source('registry', 'traits') }} (unit, quality, attributes)
    select distinct unit, quality, attributes
    from {{ ref('stg_odd_messages') }}
    where form_reason is null and coalesce(unit, quality, attributes::text) is not null
    on conflict do nothing;
    insert into {{ source('registry', 'traits') }} (unit, quality, attributes)
    select distinct metric.unit, delivered.quality, delivered.attributes
    from {{ ref('stg_config__unit_conversions') }} as conversion
    inner join {{ ref('stg_config__metrics') }} as metric
        on conversion.metric_no = metric.metric_no and metric.valid_to_load is null
    inner join {{ source('registry', 'traits') }} as delivered on conversion.unit = delivered.unit
    where conversion.valid_to_load is null
    on conflict do nothing;
    insert into {{ source('registry', 'sessions') }} (session_key, session_id)
    select distinct {{ session_key('session_id') }}, session_id
    from {{ ref('stg_odd_messages') }}
    where form_reason is null and session_id is not null
    on conflict do nothing
{%- endmacro %}
