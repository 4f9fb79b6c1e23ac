{# Rows of doubtful form that prove good bring their units, flags, tags and sessions into the registry here. #}
{% macro register_odd_names() -%}
    insert into {{ source('registry', 'traits') }} (unit, quality, attributes)
    select distinct unit, quality, attributes
    from {{ ref('stg_odd_messages') }}
    where form_reason is null and coalesce(unit, quality, attributes::text) is not null
    on conflict do nothing;
    insert into {{ source('registry', 'sessions') }} (session_key, session_id)
    select distinct {{ session_key('session_id') }}, session_id
    from {{ ref('stg_odd_messages') }}
    where form_reason is null and session_id is not null
    on conflict do nothing
{%- endmacro %}
