{# Whether a later load changed anything about an event as it was stored; what holds then is its latest restatement. #}
{% macro was_restated(stored) -%}
    exists (
        select 1
        from {{ source('store', 'event_restatements') }} as restated
        where {{ same_identity('restated', stored) }} and {{ stored }}.device_ts = restated.stored_device_ts
    )
{%- endmacro %}

{% macro is_latest_restatement(latest) -%}
    not exists (
        select 1
        from {{ source('store', 'event_restatements') }} as later
        where
            {{ same_identity('later', latest) }}
            and {{ latest }}.stored_device_ts = later.stored_device_ts
            and {{ latest }}.version < later.version
    )
{%- endmacro %}
