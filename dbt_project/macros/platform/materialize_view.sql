{#
    view: replaced in place. dbt's own way renames the old view and drops it with everything that reads it, so every
    deployment would take finance's tables away for a moment and could deadlock with itself. Only a change of columns,
    which PostgreSQL refuses to replace, drops the view, and its readers are made again further down the graph.
#}
{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set grants = config.get('grants') -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- if existing and existing.type != 'view' -%} {{ adapter.drop_relation(existing) }} {%- endif -%}
    {%- if config.get('contract').enforced -%} {{ get_assert_columns_equivalent(sql) }} {%- endif -%}
    {% call statement('main') %}
        do $deploy$
        begin
            create or replace view {{ target_relation }} as ({{ sql }});
        exception when invalid_table_definition then
            drop view {{ target_relation }} cascade;
            create view {{ target_relation }} as ({{ sql }});
        end
        $deploy$
    {% endcall %}

    {% do apply_grants(target_relation, grants, should_revoke=False) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}
