{#
    Start of every dbt run that writes the working set or the store. A run of the platform holds the lock beside dbt and
    says so by METERLINE_TURN; a bare dbt looks whether one does. The turn then is this run's: a model of an earlier one that
    is still alive finds that out before it writes. A run that meters claims what is accepted, the claims of dead runs
    included, so that all its models see the same loads, however many arrive meanwhile. What is added to hours and days is
    marked as added, so it is found in the same run. A run of all models has no use for the rating facts that some earlier
    one left: another release wrote them in a form that these models may not read. A part of the models of a load works on
    what the others left, and so in the same lanes.
#}
{% macro begin_run() %}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set writing = [] -%}
        {%- for name in selected_resources if name.startswith('model.')
            and graph.nodes[name].config.materialized in ('scratch', 'store') -%}
            {%- do writing.append(name) -%}
        {%- endfor -%}
        {%- if 'model.meterline.int_usage_changes' not in writing
            and ('model.meterline.store_usage_hours' in writing or 'model.meterline.store_usage_days' in writing) -%}
            {{ exceptions.raise_compiler_error(
                'store_usage_hours and store_usage_days add what int_usage_changes found in the same run; select tag:load'
            ) }}
        {%- endif -%}
        {%- set metering = writing | select('in', models_of_loads()) | list -%}
        {%- set makes_working_tables = 'model.meterline.int_messages' in writing -%}
        {%- if writing -%} {{ take_turn(metering, makes_working_tables) }} {%- endif -%}
        {%- if makes_working_tables -%}
            ; {{ claim_loads() }}
            {%- if 'model.meterline.int_fact_steps' in writing -%} ; truncate {{ source('rating', 'facts') }} {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{% macro models_of_loads() -%}
    {%- set names = [] -%}
    {%- for node in graph.nodes.values() if 'load' in node.tags -%} {%- do names.append(node.unique_id) -%} {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{% macro take_turn(metering, makes_working_tables) -%}
    {%- if not env_var('METERLINE_TURN', '') -%}
        {%- set is_free = run_query("select pg_try_advisory_xact_lock(hashtext('meterline.process'))").columns[0][0] -%}
        {%- if not is_free -%}
            {{ exceptions.raise_compiler_error(
                'another run is metering or closing (lock meterline.process); wait for it or stop it'
            ) }}
        {%- endif -%}
    {%- endif -%}
    {%- set starts = 'null' -%}
    {%- if metering -%}
        {%- set starts = as_array(graph.nodes['model.meterline.int_messages'].config.lane_starts or [0]) -%}
    {%- endif -%}
    select ledger.take_turn('{{ invocation_id }}', {{ starts }}, {{ makes_working_tables | lower }})
{%- endmacro %}

{# In the transaction of a model that writes, before it does. #}
{% macro hold_turn() -%}
    {% call statement('turn') %} select ledger.hold_turn('{{ invocation_id }}') {% endcall %}
{%- endmacro %}

{% macro claim_loads() -%}
    select store.refresh_statistics(relation)
    from unnest(array[
        'ledger.loads', 'raw.messages', 'raw.odd_messages', 'config.devices', 'config.contracts',
        'registry.tenants', 'registry.devices', 'registry.sessions'
    ]::regclass[]) as grown (relation);
    update ledger.loads set status = 'claimed', claimed_by = '{{ invocation_id }}', claimed_at = statement_timestamp()
    where status in ('accepted', 'claimed')
{%- endmacro %}
