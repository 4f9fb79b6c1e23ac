{#
    scratch: the working set of one run. The table is made once, unlogged, and from then on emptied and filled in
    one transaction and analysed, so that plans are right, views on it survive and a crash leaves nothing behind
    that matters. It is made again when its columns change. `only_when` is a condition without which the model has no
    rows, `only_with` a model without whose rows it has none: a run in which that does not hold costs a look, and not a plan
    of the query, an empty insert and its statistics.
#}
{% materialization scratch, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ begin_after(pre_hooks) }}
    {{ reach_all_nodes() }}
    {{ hold_turn() }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing and existing.type == 'table' and is_idle(existing) -%}
        {% call statement('main') %} select 1 where false {% endcall %}
    {%- else -%}
        {%- set wanted = get_column_schema_from_query(sql) | map(attribute='column') | list -%}
        {%- if existing -%}
            {%- if existing.type != 'table' or columns_of(existing) != wanted -%}
                {{ adapter.drop_relation(existing) }}
                {%- set existing = none -%}
            {%- endif -%}
        {%- endif -%}

        {%- if not existing -%}
            {% call statement('create') %}
                create unlogged table {{ target_relation }} as ({{ sql }}) with no data
            {% endcall %}
        {%- endif -%}
        {%- if is_placed() -%} {{ place(target_relation, wanted) }} {%- endif -%}

        {% call statement('main') %}
            truncate {{ target_relation }};
            insert into {{ target_relation }} ({{ wanted | join(', ') }}) {{ sql }}
        {% endcall %}
        {% call statement('analyse') %} analyze {{ target_relation }} {% endcall %}
    {%- endif -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Names only: dbt's own look-up asks for types, too, and takes several times as long, for every model of every run. #}
{% macro columns_of(relation) %}
    {%- set names = run_query(
        "select attname from pg_attribute where attrelid = '" ~ relation ~ "'::regclass and attnum > 0"
        ~ " and not attisdropped order by attnum"
    ) -%}
    {{ return(names.columns[0].values() | list) }}
{% endmacro %}

{# Whether a scratch table is empty and stays so. A deployment never is: it makes tables again whose columns changed. #}
{% macro is_idle(existing) %}
    {%- set condition = config.get('only_when') -%}
    {%- if config.get('only_with') -%}
        {%- set condition = 'exists (select 1 from ' ~ ref(config.get('only_with')) ~ ')' -%}
    {%- endif -%}
    {%- if not condition or flags.WHICH != 'build' -%} {{ return(false) }} {%- endif -%}
    {%- set looked = run_query(
        "select not (" ~ condition ~ ") and not exists (select 1 from " ~ existing ~ ")"
    ) -%}
    {{ return(looked.columns[0].values()[0]) }}
{% endmacro %}
