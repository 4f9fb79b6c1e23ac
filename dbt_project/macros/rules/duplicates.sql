{# How many days before a day say what its ratio of duplicates usually is, and from how many of their hours on. #}
{% macro days_of_habit() -%} 14 {%- endmacro %}
{% macro hours_of_a_habit() -%} 24 {%- endmacro %}

{# An hour with fewer messages has no ratio worth comparing. #}
{% macro messages_of_a_ratio() -%} 100 {%- endmacro %}

{#
    How far from the usual ratio a ratio may lie: five standard deviations, estimated from the median absolute deviation,
    which a fault of some days does not stretch; at least two percentage points, for fleets that never vary.
#}
{% macro duplicate_tolerance(deviation) -%}
    greatest(5 * 1.4826 * {{ deviation }}, 0.02)
{%- endmacro %}

{# Outside the band, and by enough messages that a few retries do not count as a fault. #}
{% macro is_unusual_ratio(hour, usual_ratio, tolerance) -%}
    abs({{ hour }}.duplicate_ratio - {{ usual_ratio }}) > {{ tolerance }}
    and abs({{ hour }}.duplicate_count - {{ usual_ratio }} * {{ hour }}.message_count) >= 10
{%- endmacro %}

{% macro duplicate_ratio(hour) -%}
    round({{ hour }}.duplicate_count / {{ hour }}.message_count::numeric, 6)
{%- endmacro %}
