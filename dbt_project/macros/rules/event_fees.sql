{#
    What a percentage is taken of in one event, null where the allowance covers it. The allowance ends with whichever of
    events and amount runs out first; an event that straddles the amount is charged for the excess.
#}
{% macro charged_amount(event_number, amount, amount_before, free_events, free_amount) -%}
    case
        when {{ free_events }} is null and {{ free_amount }} is null then {{ amount }}
        when {{ free_amount }} is null then case when {{ event_number }} > {{ free_events }} then {{ amount }} end
        when {{ free_events }} is not null and {{ event_number }} > {{ free_events }} then {{ amount }}
        when {{ amount }} > {{ free_amount }} - {{ amount_before }}
            then {{ amount }} - greatest(least({{ free_amount }} - {{ amount_before }}, {{ amount }}), 0)
    end
{%- endmacro %}

{# The fee of one event between its least and its most; null bounds nothing. #}
{% macro bounded_fee(fee, least_fee, most_fee) -%}
    greatest(least({{ fee }}, {{ most_fee }}), {{ least_fee }})
{%- endmacro %}
