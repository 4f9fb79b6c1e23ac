{#
    store: rows for a table of schema `store` that a migration made and this platform never drops, truncates or
    rebuilds, full refresh or not. The model's SQL is the rows, `into` names the table (several models may fill one),
    `on_conflict` says what a row does whose key is there already (by default nothing, which makes every insert
    repeatable; `fail` where none can be there in the run that finds the rows: to be ready for one costs a third of the
    insert). Hooks of the same transaction write the marks of added sums.
#}
{% materialization store, adapter='postgres' %}
    {%- set target_relation = api.Relation.create(
        database=this.database, schema='store', identifier=config.require('into'), type='table'
    ) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ begin_after(pre_hooks) }}
    {{ reach_all_nodes() }}
    {{ hold_turn() }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set columns = get_column_schema_from_query(sql) | map(attribute='column') | join(', ') -%}
    {% call statement('main') %}
        insert into {{ target_relation }} as kept ({{ columns }})
        {{ sql }}
        {{ on_conflict() }}
    {% endcall %}
    {% call statement('statistics') %} select store.refresh_statistics('{{ target_relation }}') {% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# Rows that an earlier run found may be stored by now. #}
{% macro on_conflict() -%}
    {%- set action = config.get('on_conflict', 'do nothing') -%}
    {%- if action != 'fail' -%} on conflict {{ action }}
    {%- elif 'model.meterline.int_messages' not in selected_resources -%} on conflict do nothing
    {%- endif -%}
{%- endmacro %}

{# A hook outside commits, which the driver does not see: without this each statement would be its own. #}
{% macro begin_after(hooks) -%}
    {%- if hooks | rejectattr('transaction') | list -%}
        {% call statement('begin') %} begin {% endcall %}
    {%- endif -%}
{%- endmacro %}
