{#
    How much of a quantity each tier prices. `lower_bound` is the bound of the tier before (0 for the first), `up_to`
    its own, inclusive, null when unbounded.
#}

{# Models of which each tier prices the part of the quantity that lies in it; in the others one tier prices all of it. #}
{% macro is_priced_in_parts(price_model) -%}
    {{ price_model }} in ('graduated', 'graduated_percentage', 'block_tiers', 'matrix', 'time_of_use')
{%- endmacro %}

{# Those enter every tier that the quantity reaches; the others only the one that holds it whole (RULES 14). #}
{% macro is_tier_entered(price_model, quantity, lower_bound, up_to) -%}
    (
        {{ quantity }} > {{ lower_bound }}
        and ({{ is_priced_in_parts(price_model) }} or {{ up_to }} is null or {{ quantity }} <= {{ up_to }})
    )
{%- endmacro %}

{# `basis` chooses the tier where it is not the quantity itself, such as the quantity rounded up to whole units. #}
{% macro tier_quantity(price_model, quantity, lower_bound, up_to, basis=none) -%}
    case
        when not {{ is_tier_entered(price_model, basis or quantity, lower_bound, up_to) }} then 0
        when {{ is_priced_in_parts(price_model) }} then least({{ quantity }}, {{ up_to }}) - {{ lower_bound }}
        else {{ quantity }}
    end
{%- endmacro %}

{#
    Whether a tier's flat fee is due. A recurring fee (price model flat) does not ask for use; without use a tier's fee
    is due only where the card says first_tier_flat (RULES 15), or where it is the price of a capacity, which holds none.
#}
{% macro is_tier_fee_due(price_model, quantity, lower_bound, up_to, zero_quantity) -%}
    (
        {{ price_model }} = 'flat'
        or {{ is_tier_entered(price_model, quantity, lower_bound, up_to) }}
        or (
            {{ quantity }} = 0 and {{ lower_bound }} = 0
            and ({{ zero_quantity }} is not distinct from 'first_tier_flat' or {{ price_model }} = 'capacity')
        )
    )
{%- endmacro %}

{# Packages and blocks are whole once started. Integer division and remainder are exact, a quotient is not. #}
{% macro package_count(quantity, package_size) -%}
    (div({{ quantity }}, {{ package_size }}) + sign(mod({{ quantity }}, {{ package_size }})))
{%- endmacro %}

{# Models of which the unit price is that of a package or block. #}
{% macro package_models() -%} ('package', 'whole_packages', 'block_tiers', 'top_block') {%- endmacro %}

{# The price that an event carries as text; null where that is no price. #}
{% macro carried_price(value) -%}
    case when {{ value }} ~ '^[0-9]{1,10}([.][0-9]{1,10})?$' then {{ value }}::numeric end
{%- endmacro %}

{# What the unit price of a tier is multiplied by. #}
{% macro priced_units(price_model, tier_quantity, package_size) -%}
    case
        when {{ price_model }} in ('package', 'block_tiers', 'top_block')
            then {{ package_count(tier_quantity, package_size) }}
        when {{ price_model }} = 'whole_packages' then div({{ tier_quantity }}, {{ package_size }})
        else {{ tier_quantity }}
    end
{%- endmacro %}

{# What divides the quantity of a charge, so that two price lists can be said to divide it alike. #}
{% macro divided_by(charge) -%}
    coalesce({{ charge }}.attribute, {{ charge }}.timing, '')
{%- endmacro %}

{#
    Where the quantities of a charge come from: the fleet, its devices or messages by an attribute, single events; hours and
    what else a charge measures by itself; devices by an attribute and time in service. A bridge computes the first two.
#}
{% macro measured_by(card) -%}
    case
        when {{ is_timed(card) }} then 'time'
        when {{ is_part(card) }} and {{ card }}.charge_basis = 'usage' and {{ card }}.price_model <> 'flat' then 'time'
        when {{ card }}.charge_basis in ('monitored_hours', {{ own_measures() }}) then 'hours'
        when {{ is_device_prorated(card) }} and {{ card }}.attribute is not null then 'shares'
        when {{ is_device_prorated(card) }} then 'hours'
        when {{ card }}.attribute in ('device_id', 'device_type', 'property_id') then 'devices'
        when {{ card }}.attribute is not null then 'attributes'
        when {{ card }}.price_model = 'percentage' and coalesce(
            {{ card }}.free_events, {{ card }}.free_amount, {{ card }}.minimum_per_event, {{ card }}.maximum_per_event
        ) is not null then 'events'
        else 'fleet'
    end
{%- endmacro %}
