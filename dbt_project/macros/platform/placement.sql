{#
    Where the platform's database is spread over several machines (METERLINE_SHARDS), the working tables of a load lie with
    their tenant's messages, or on every machine if they have no tenant. Those of a close stay on the coordinator.
#}
{% macro is_spread() -%}
    {#- Who only reads the models, as a linter does, has no environment; an empty answer is no. -#}
    {%- if env_var is defined and env_var('METERLINE_SHARDS', '') -%} yes {%- endif -%}
{%- endmacro %}

{# Whether the model being built is one of those that are placed: what a load and its hours and days are made of. #}
{% macro is_placed() -%}
    {%- if is_spread() and this.schema in ('metering', 'usage') -%} yes {%- endif -%}
{%- endmacro %}

{# All over the connections to the nodes: what a transaction has done in its own session, they cannot go on with. #}
{% macro reach_all_nodes() %}
    {%- if is_placed() -%}
        {% call statement('reach') %} set local citus.enable_local_execution = off {% endcall %}
    {%- endif -%}
{% endmacro %}

{# Where it belongs, unless it is there; what it held is of an earlier run. #}
{% macro place(relation, columns) %}
    {%- if not run_query("select 1 from pg_dist_partition where logicalrelid = '" ~ relation ~ "'::regclass").rows -%}
        {% call statement('place') %}
            truncate {{ relation }};
            {%- if 'tenant_no' in columns %}
            select create_distributed_table('{{ relation }}', 'tenant_no', colocate_with => 'store.high_water')
            {%- else %}
            select create_reference_table('{{ relation }}')
            {%- endif %}
        {% endcall %}
    {%- endif -%}
{% endmacro %}
