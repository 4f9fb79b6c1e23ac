{# The part of a full period's amount that its remaining days, or seconds, bear. `params` is a JSON object. #}
{% macro prorated_share(amount) -%}
    (
        coalesce((params ->> '{{ amount }}')::numeric, 0)
        * coalesce(params ->> 'remaining_days', params ->> 'remaining_seconds')::numeric
    )::numeric(60, 30) / coalesce(params ->> 'period_days', params ->> 'period_seconds')::numeric
{%- endmacro %}

{# From `begin` until before `finish`; over midnight where it ends before it begins. #}
{% macro is_within_day(moment, begin, finish) -%}
    case
        when {{ begin }} < {{ finish }} then {{ moment }} >= {{ begin }} and {{ moment }} < {{ finish }}
        else {{ moment }} >= {{ begin }} or {{ moment }} < {{ finish }}
    end
{%- endmacro %}
