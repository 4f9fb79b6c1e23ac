{#
    How much of a quantity each tier prices. `lower_bound` is the bound of the tier before (0 for the first), `up_to`
    its own, inclusive, null when unbounded.
#}

{# Graduated enters every tier that the quantity reaches; the others only the one that holds it whole (RULES 14). #}
{% macro is_tier_entered(price_model, quantity, lower_bound, up_to) -%}
    (
        {{ quantity }} > {{ lower_bound }}
        and ({{ price_model }} = 'graduated' or {{ up_to }} is null or {{ quantity }} <= {{ up_to }})
    )
{%- endmacro %}

{% macro tier_quantity(price_model, quantity, lower_bound, up_to) -%}
    case
        when not {{ is_tier_entered(price_model, quantity, lower_bound, up_to) }} then 0
        when {{ price_model }} = 'graduated' then least({{ quantity }}, {{ up_to }}) - {{ lower_bound }}
        else {{ quantity }}
    end
{%- endmacro %}

{#
    Whether a tier's flat fee is due. A recurring fee (price model flat) does not ask for use; without use a tier's fee
    is due only where the card says first_tier_flat (RULES 15).
#}
{% macro is_tier_fee_due(price_model, quantity, lower_bound, up_to, zero_quantity) -%}
    (
        {{ price_model }} = 'flat'
        or {{ is_tier_entered(price_model, quantity, lower_bound, up_to) }}
        or ({{ quantity }} = 0 and {{ lower_bound }} = 0 and {{ zero_quantity }} is not distinct from 'first_tier_flat')
    )
{%- endmacro %}

{# Packages are whole once started. Integer division and remainder are exact, a quotient is not. #}
{% macro package_count(quantity, package_size) -%}
    (div({{ quantity }}, {{ package_size }}) + sign(mod({{ quantity }}, {{ package_size }})))
{%- endmacro %}
