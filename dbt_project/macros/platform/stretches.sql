{#
    The numbers of some loads as stretches, cut where most other loads lie between. A block-range index is searched once
    for each, and keeps some memory of every search until the query ends: there are never more than a few dozen.
#}
{% macro stretches(loads) -%}
    select min(numbered.load_id) as first_load_id, max(numbered.load_id) as last_load_id
    from (
        select cut.load_id, count(*) filter (where cut.begins) over (order by cut.load_id) as stretch_no
        from (
            select
                stepped.load_id,
                coalesce(stepped.step > 1, true)
                and row_number() over (order by stepped.step desc nulls first, stepped.load_id) <= 64 as begins
            from (
                select load_id, load_id - lag(load_id) over (order by load_id) as step from {{ loads }}
            ) as stepped
        ) as cut
    ) as numbered
    group by numbered.stretch_no
{%- endmacro %}

{# Rows that some loads brought, from a table with a block-range index over load_id: each stretch is read once. #}
{% macro rows_of_loads(table, loads, stretches) -%}
    select brought.*
    from {{ stretches }} as stretch
    {{ looked_up(table, 'brought', 'brought.load_id between stretch.first_load_id and stretch.last_load_id') }}
    where {{ is_among('brought.load_id', loads) }}
{%- endmacro %}
