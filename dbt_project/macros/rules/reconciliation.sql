{# By how much sub-meters may differ from their master meter where properties.csv says nothing: losses and meter classes. #}
{% macro default_property_tolerance_percent() -%} 5 {%- endmacro %}

{% macro is_within_tolerance(master_quantity, sub_quantity, tolerance_percent) -%}
    abs({{ master_quantity }} - {{ sub_quantity }}) * 100 <= abs({{ master_quantity }}) * {{ tolerance_percent }}
{%- endmacro %}
