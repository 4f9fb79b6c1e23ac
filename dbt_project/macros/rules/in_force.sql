{# Whether a row of the configuration held as of a configuration load: a close never reads later terms or prices. #}
{% macro in_force(row, config_load_id) -%}
    {{ row }}.valid_from_load <= {{ config_load_id }}
    and ({{ row }}.valid_to_load is null or {{ row }}.valid_to_load > {{ config_load_id }})
{%- endmacro %}
