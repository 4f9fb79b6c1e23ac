{# Whether a declaration holds for a message: its tenant and the pattern of the file's path, each empty for all. #}
{% macro in_scope(declaration, tenant_id, source_file) -%}
    (
        ({{ declaration }}.tenant_id is null or {{ declaration }}.tenant_id = {{ tenant_id }})
        and ({{ declaration }}.path_pattern is null or {{ source_file }} like {{ like_pattern(declaration ~ '.path_pattern') }})
    )
{%- endmacro %}

{# A `*` stands for any characters; everything else for itself. #}
{% macro like_pattern(pattern) -%}
    replace(regexp_replace({{ pattern }}, '([\\%_])', '\\\1', 'g'), '*', '%')
{%- endmacro %}

{# Of several declarations that hold, the closest comes first: for the tenant, then the longest pattern. #}
{% macro closest_scope(declaration) -%}
    {{ declaration }}.tenant_id is null,
    length({{ declaration }}.path_pattern) desc nulls last,
    {{ declaration }}.path_pattern collate "C"
{%- endmacro %}

{# A quantity in the metric's unit; exact, so a result that numeric(20,10) does not hold unrounded is none. #}
{% macro converted_quantity(quantity, conversion) -%}
    ({{ quantity }} * {{ conversion }}.factor + {{ conversion }}.offset_quantity)
{%- endmacro %}

{% macro holds_unrounded(number) -%}
    (abs({{ number }}) < 10000000000 and {{ number }} = round({{ number }}, 10))
{%- endmacro %}

{# An instant as the text of a timestamp with zone, all digits kept. #}
{% macro utc_text(instant) -%}
    to_char({{ instant }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
{%- endmacro %}
