{#
    scratch: the working set of one run. The table is made once, unlogged, and from then on emptied and filled in
    one transaction and analysed, so that plans are right, views on it survive and a crash leaves nothing behind
    that matters. It is made again when its columns change.
#}
{% materialization scratch, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ hold_turn() }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- set columns = get_column_schema_from_query(sql) -%}
    {%- set wanted = columns | map(attribute='column') | list -%}
    {%- if existing -%}
        {%- set present = adapter.get_columns_in_relation(existing) | map(attribute='column') | list -%}
        {%- if present != wanted or existing.type != 'table' -%}
            {{ adapter.drop_relation(existing) }}
            {%- set existing = none -%}
        {%- endif -%}
    {%- endif -%}

    {%- if not existing -%}
        {% call statement('create') %}
            create unlogged table {{ target_relation }} as ({{ sql }}) with no data
        {% endcall %}
    {%- else -%}
        {% call statement('empty') %} truncate {{ target_relation }} {% endcall %}
    {%- endif -%}

    {% call statement('main') %}
        insert into {{ target_relation }} ({{ wanted | join(', ') }}) {{ sql }}
    {% endcall %}
    {% call statement('analyse') %} analyze {{ target_relation }} {% endcall %}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
