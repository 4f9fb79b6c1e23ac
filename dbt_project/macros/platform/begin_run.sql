{#
    Start of every dbt run that processes loads: take the platform's load lock on this run's own connection, where it
    lives exactly as long as the process, and claim what is accepted, the claims of dead runs included. All models of
    the run then see the same loads, however many arrive meanwhile.
#}
{% macro begin_run() %}
    {%- if execute and flags.WHICH in ('run', 'build') and 'model.meterline.int_messages' in selected_resources -%}
        {%- set locked = run_query("select pg_try_advisory_lock(hashtext('meterline.process'))").columns[0][0] -%}
        {%- if not locked -%}
            {{ exceptions.raise_compiler_error('another run is processing loads (lock meterline.process); wait for it or stop it') }}
        {%- endif -%}
        select store.refresh_statistics(relation)
        from unnest(array[
            'ledger.loads', 'raw.messages', 'raw.odd_messages', 'config.devices', 'config.contracts',
            'registry.tenants', 'registry.devices', 'registry.sessions'
        ]::regclass[]) as grown (relation);
        update ledger.loads set status = 'claimed', claimed_by = '{{ invocation_id }}', claimed_at = clock_timestamp()
        where status in ('accepted', 'claimed')
    {%- endif -%}
{% endmacro %}
