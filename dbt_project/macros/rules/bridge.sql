{#
    The bridge from an invoice to the next: the invoice before is rated again under one more swap at a time, in this order,
    until it is the invoice after. Each swap is a variant with the number of its place; 0 is the invoice before as it was.
#}
{% macro bridge_swaps() -%}
    {{ return(['days', 'removed_devices', 'new_devices', 'volume', 'mix', 'estimated', 'price']) }}
{%- endmacro %}

{% macro swap_no(name) -%} {{ bridge_swaps().index(name) + 1 }} {%- endmacro %}

{# From this swap on a variant is what the later invoice is. #}
{% macro is_swapped(variant, name) -%} {{ variant }} >= {{ swap_no(name) }} {%- endmacro %}

{# The close whose terms a variant has: the later one once it was swapped. #}
{% macro bridged_close(pair, variant, name) -%}
    case
        when {{ is_swapped(variant, name) }} then ({{ pair }}.period_no, {{ pair }}.invoice_version)
        else ({{ pair }}.previous_period_no, {{ pair }}.previous_invoice_version)
    end
{%- endmacro %}

{# Numbers of the variants. #}
{% macro bridge_variants() -%} generate_series(0, {{ bridge_swaps() | length }}) {%- endmacro %}

{#
    Part of a running sum, scaled from one total to another, to the ten decimals of a quantity: differences of the rounded
    sums, so that the parts add up to the new total.
#}
{% macro scaled_part(running, own, old_total, new_total) -%}
    (
        round(({{ running }} * {{ new_total }})::numeric(60, 20) / nullif({{ old_total }}, 0), 10)
        - round((({{ running }} - {{ own }}) * {{ new_total }})::numeric(60, 20) / nullif({{ old_total }}, 0), 10)
    )
{%- endmacro %}

{# The name of a swap by the number of its variant. #}
{% macro swap_name(variant) -%}
    (array['{{ bridge_swaps() | join("', '") }}'])[{{ variant }}]
{%- endmacro %}

{# What the difference of two invoices consists of, in the order of an explanation. #}
{% macro bridge_components() -%}
    array['{{ (bridge_swaps() + ['tier_crossing', 'adjustment', 'tax', 'rounding', 'credits']) | join("', '") }}']
{%- endmacro %}
