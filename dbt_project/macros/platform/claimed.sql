{#
    Rows of the loads that this run has claimed. The range lets the block-range index skip history, and the wrapped
    membership keeps the planner from probing once per load when it guesses that there is only one.
#}
{% macro is_claimed(load_id) -%}
    ({{ load_id }} >= (select min(claimed.load_id) from {{ ref('stg_loads') }} as claimed)
        and {{ load_id }} <= (select max(claimed.load_id) from {{ ref('stg_loads') }} as claimed)
        and {{ is_among(load_id, ref('stg_loads')) }})
{%- endmacro %}

{% macro is_among(load_id, loads) -%}
    coalesce({{ load_id }} in (select among.load_id from {{ loads }} as among), false)
{%- endmacro %}
