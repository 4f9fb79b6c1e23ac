{# A text with its length in bytes before it, so that no two lists of texts give the same bytes. #}
{% macro length_prefixed(value) -%}
    octet_length({{ value }})::text || ':' || {{ value }}
{%- endmacro %}

{# Of one device and metric, as the usage part of an input hash reads it. #}
{% macro usage_canonical_text(device_id, metric, quantity, event_count) -%}
    {{ length_prefixed(device_id) }} || {{ length_prefixed(metric) }}
    || {{ quantity }}::text || '/' || {{ event_count }}::text || ';'
{%- endmacro %}

{% macro sha256_hex(value) -%}
    encode(sha256(convert_to({{ value }}, 'UTF8')), 'hex')
{%- endmacro %}

{#
    What a digest reads beside its list: an object of what is not null, or nothing at all, so that what an invoice does
    not use never changes its digest. `said` maps names to expressions.
#}
{% macro said_beside(said) -%}
    (
        select case when beside.object = '{}'::jsonb then '[]'::jsonb else jsonb_build_array(beside.object) end
        from (
            select jsonb_strip_nulls(jsonb_build_object(
                {%- for name, value in said.items() %}'{{ name }}', {{ value }}{{ ', ' if not loop.last }}{% endfor -%}
            )) as object
        ) as beside
    )
{%- endmacro %}
