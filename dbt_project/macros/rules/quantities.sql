{# A quantity in other units: multiplied, divided, then rounded where the price says so. `params` is a JSON object. #}
{% macro unit_converted(quantity, params) -%}
    {{ after_usage_discount(rounded(
        '(' ~ quantity ~ ' * coalesce((' ~ params ~ " ->> 'multiply_by')::numeric, 1))::numeric(80, 30)"
        ~ ' / coalesce((' ~ params ~ " ->> 'divide_by')::numeric, 1)",
        'coalesce(' ~ params ~ " #>> '{quantity_rounding,mode}', 'none')",
        'coalesce((' ~ params ~ " #>> '{quantity_rounding,places}')::integer, 0)"
    ), params) }}
{%- endmacro %}

{# Units that are given away, of a period as a whole; never more than there are. #}
{% macro after_usage_discount(quantity, params) -%}
    greatest(
        {{ quantity }} - coalesce(({{ params }} ->> 'usage_discount')::numeric, 0), least({{ quantity }}, 0)
    )
{%- endmacro %}

{#
    A number rounded by name: half_up is away from zero, half_even to the even neighbour, ceil and floor go up and down,
    up goes away from zero, none leaves it.
#}
{% macro rounded(value, mode, places) -%}
    (
        select case {{ mode }}
            when 'none' then given.value
            when 'half_up' then round(given.value, given.places)
            when 'half_even' then
                case
                    when abs(mod(given.value * scale.factor, 1)) = 0.5
                        then 2 * round(given.value * scale.factor / 2, 0) / scale.factor
                    else round(given.value, given.places)
                end
            when 'ceil' then ceil(given.value * scale.factor) / scale.factor
            when 'floor' then floor(given.value * scale.factor) / scale.factor
            when 'up' then sign(given.value) * ceil(abs(given.value) * scale.factor) / scale.factor
        end
        from (select ({{ value }})::numeric as value, {{ places }} as places) as given
        cross join lateral (select power(10::numeric, given.places) as factor) as scale
    )
{%- endmacro %}
