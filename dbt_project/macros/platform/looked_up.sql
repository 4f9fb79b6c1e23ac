{#
    Rows of a table or view that grows with history, looked up for each row before it, whatever the planner thinks of their
    number: hence the offset, which nothing is moved across. Where tables lie on several machines, each joins its own rows.
#}
{% macro looked_up(relation, alias, condition) -%}
    {%- if is_spread() -%}
    inner join {{ relation }} as {{ alias }} on {{ condition }}
    {%- else -%}
    cross join lateral (
        select * from {{ relation }} as {{ alias }}
        where {{ condition }}
        offset 0
    ) as {{ alias }}
    {%- endif -%}
{%- endmacro %}

{#
    What keeps the planner from moving a subquery's parts, where it cannot tell how many rows there are. On several machines
    such a subquery would be computed for all of them on one.
#}
{% macro fence() -%}
    {%- if not is_spread() -%} offset 0 {%- endif -%}
{%- endmacro %}

{% macro materialized() -%}
    {%- if not is_spread() -%} materialized {%- endif -%}
{%- endmacro %}
