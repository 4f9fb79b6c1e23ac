{#
    Start of every dbt run that meters, rates or publishes: take the platform's lock on this run's own connection, where it lives
    exactly as long as the process. A run that meters claims what is accepted, the claims of dead runs included, so that
    all its models see the same loads, however many arrive meanwhile.
#}
{% macro begin_run() %}
    {%- set meters = 'model.meterline.int_messages' in selected_resources -%}
    {%- set rates = 'model.meterline.int_close_request' in selected_resources -%}
    {%- set publishes = 'model.meterline.int_cleared_invoices' in selected_resources -%}
    {%- if execute and flags.WHICH in ('run', 'build') and (meters or rates or publishes) -%}
        {%- set locked = run_query("select pg_try_advisory_lock(hashtext('meterline.process'))").columns[0][0] -%}
        {%- if not locked -%}
            {{ exceptions.raise_compiler_error(
                'another run is metering or closing (lock meterline.process); wait for it or stop it'
            ) }}
        {%- endif -%}
        {%- if meters -%} {{ claim_loads() }} {%- endif -%}
    {%- endif -%}
{% endmacro %}

{% macro claim_loads() -%}
    select store.refresh_statistics(relation)
    from unnest(array[
        'ledger.loads', 'raw.messages', 'raw.odd_messages', 'config.devices', 'config.contracts',
        'registry.tenants', 'registry.devices', 'registry.sessions'
    ]::regclass[]) as grown (relation);
    update ledger.loads set status = 'claimed', claimed_by = '{{ invocation_id }}', claimed_at = clock_timestamp()
    where status in ('accepted', 'claimed')
{%- endmacro %}
