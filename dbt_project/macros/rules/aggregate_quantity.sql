{#
    One number from the buckets of a device and metric, by the metric's aggregation. The latest is the greatest pair of
    (time, quantity): unlike an ordered aggregate that can be hashed. No other aggregation is guessed: it gives null.
#}
{% macro aggregate_quantity(quantity, aggregation, last_event_at) -%}
    case
        when {{ aggregation }} = 'sum' then sum({{ quantity }}) filter (where {{ aggregation }} = 'sum')
        when {{ aggregation }} = 'count' then sum({{ quantity }}) filter (where {{ aggregation }} = 'count')
        when {{ aggregation }} = 'max' then max({{ quantity }}) filter (where {{ aggregation }} = 'max')
        when {{ aggregation }} = 'min' then min({{ quantity }}) filter (where {{ aggregation }} = 'min')
        when {{ aggregation }} = 'latest' then (
            max(array[extract(epoch from {{ last_event_at }}), {{ quantity }}])
            filter (where {{ aggregation }} = 'latest')
        )[2]
    end
{%- endmacro %}
