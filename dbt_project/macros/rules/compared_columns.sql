{# Rows (name, stored value, rated value) of the columns, as text, so that 1.0 and 1.00 are not the same. #}
{% macro compared_columns(columns, prefix) -%}
    {%- for column in columns %}
    ({{ prefix }} || '{{ column }}', stored.{{ column }}::text, rated.{{ column }}::text){{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
