{#
    store: rows for a table of schema `store` that a migration made and this platform never drops, truncates or
    rebuilds, full refresh or not. The model's SQL is the rows, `into` names the table (several models may fill one),
    `on_conflict` says what a row does whose key is there already (by default nothing, which makes every insert
    repeatable; `fail`, if the model has no such rows: to be ready for one costs a third of the insert). Hooks of the same transaction write the marks of added sums.
#}
{% materialization store, adapter='postgres' %}
    {%- set target_relation = api.Relation.create(
        database=this.database, schema='store', identifier=config.require('into'), type='table'
    ) -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {#- A hook outside commits, which the driver does not see: without this each statement would be its own. -#}
    {%- if pre_hooks | rejectattr('transaction') | list -%}
        {% call statement('begin') %} begin {% endcall %}
    {%- endif -%}
    {{ reach_all_nodes() }}
    {{ hold_turn() }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set columns = get_column_schema_from_query(sql) | map(attribute='column') | join(', ') -%}
    {% call statement('main') %}
        insert into {{ target_relation }} as kept ({{ columns }})
        {{ sql }}
        {%- if config.get('on_conflict') != 'fail' %} on conflict {{ config.get('on_conflict', 'do nothing') }} {%- endif %}
    {% endcall %}
    {% call statement('statistics') %} select store.refresh_statistics('{{ target_relation }}') {% endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
