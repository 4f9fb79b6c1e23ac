{# From `begin` until before `finish`; over midnight where it ends before it begins. #}
{% macro is_within_day(moment, begin, finish) -%}
    case
        when {{ begin }} < {{ finish }} then {{ moment }} >= {{ begin }} and {{ moment }} < {{ finish }}
        else {{ moment }} >= {{ begin }} or {{ moment }} < {{ finish }}
    end
{%- endmacro %}
