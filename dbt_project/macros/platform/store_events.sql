{# Partitions for the months in which the new events were measured. Made before the insert, in their own transaction. #}
{% macro make_partitions() -%}
    {%- set months -%}
        select distinct date_trunc('month', day_start_at at time zone 'UTC')::date as month_start
        from (
            select distinct {{ day_of('device_ts') }} as day_start_at
            from {{ ref('int_dated_events') }}
            where stored_device_ts is null
        ) as days
        order by 1
    {%- endset -%}
    {%- if execute and is_spread() -%}
        {#- One by one: as part of the query the machines that hold the events would make them, each for itself. -#}
        select 1
        {%- for month in run_query(months).columns[0].values() -%}
            , store.ensure_partitions('{{ month }}', '{{ month }}')
        {%- endfor -%}
    {%- else -%}
        select store.ensure_partitions(month_start, month_start) from ({{ months }}) as months
    {%- endif -%}
{%- endmacro %}

{# In the insert's transaction, so that no stored sequence is ever above its mark. #}
{% macro raise_high_water() -%}
    insert into {{ source('store', 'high_water') }} as mark (tenant_no, device_no, metric_no, seq_epoch, msg_seq)
    select tenant_no, device_no, metric_no, seq_epoch, max(msg_seq)
    from {{ ref('int_dated_events') }}
    where stored_device_ts is null
    group by tenant_no, device_no, metric_no, seq_epoch
    on conflict (tenant_no, device_no, metric_no, seq_epoch) do update set msg_seq = excluded.msg_seq
    where excluded.msg_seq > mark.msg_seq
{%- endmacro %}
