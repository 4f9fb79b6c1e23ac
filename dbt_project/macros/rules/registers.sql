{# Metrics whose use is the difference between readings of a register (RULES 10). #}
{% macro is_register(metric) -%}
    ({{ metric }}.reading_type = 'cumulative' and {{ metric }}.aggregation = 'sum')
{%- endmacro %}

{# A deferred reading is billed with use 0: the next reading in time already contains its use (RULES 11). #}
{% macro is_in_chain(disposition) -%} {{ disposition }} in ('b', 'r') {%- endmacro %}

{# In the order of RULES 10. `readings` may begin with the state after all readings before them, as `checkpoint`. #}
{% macro register_states(readings, partition='') -%}
    select
        reading.*,
        store.register_state_after(
            reading.checkpoint, reading.reading, reading.event_at, reading.is_in_chain, reading.is_exchange,
            reading.exchanged_at, reading.register_max, reading.max_use_per_hour
        ) over (
            partition by {{ partition }} reading.tenant_no, reading.device_no, reading.metric_no
            order by
                reading.checkpoint is null, reading.event_at, reading.seq_epoch, {{ run_number('reading') }},
                reading.msg_seq
            rows between unbounded preceding and current row
        ) as state
    from {{ readings }} as reading
{%- endmacro %}

{# The newest declared exchange until a reading; `as_of` says which configuration holds. #}
{% macro exchanged_at(reading, as_of) -%}
    (
        select max(declared.exchanged_at)
        from {{ ref('stg_config__register_exchanges') }} as declared
        where
            declared.device_no = {{ reading }}.device_no
            and declared.metric_no = {{ reading }}.metric_no
            and declared.exchanged_at <= {{ reading }}.event_at
            and {{ as_of }}
    )
{%- endmacro %}

{# A meter that sends `quality = exchange` says that this is the first reading of a new one. #}
{% macro is_exchange_reading(traits_no) -%}
    ({{ traits_no }} in (select traits_no from {{ source('registry', 'traits') }} where quality = 'exchange'))
{%- endmacro %}

{# All billed readings of registers as they now stand: for proofs; loads go on from a checkpoint. #}
{% macro current_readings() -%}
    (select
        event.tenant_no, event.device_no, event.metric_no, event.seq_epoch, event.msg_seq, event.stored_device_ts,
        event.event_at, event.period_no, event.is_skew_candidate, event.disposition,
        event.reading,
        {{ is_in_chain('event.disposition') }} as is_in_chain,
        {{ is_exchange_reading('event.traits_no') }} as is_exchange,
        {{ exchanged_at('event', 'declared.valid_to_load is null') }} as exchanged_at,
        device.register_max,
        device.max_use_per_hour,
        null::store.register_state as checkpoint
    from {{ ref('int_metered_events') }} as event
    inner join {{ ref('stg_config__metrics') }} as metric
        on event.metric_no = metric.metric_no and metric.valid_to_load is null
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and device.valid_to_load is null
    where {{ is_register('metric') }})
{%- endmacro %}

{% macro clear_touched_chains() -%}
    delete from {{ source('store', 'register_uses') }} as kept
    using {{ ref('int_register_chains') }} as chain
    where
        kept.tenant_no = chain.tenant_no
        and kept.device_no = chain.device_no
        and kept.metric_no = chain.metric_no
        and kept.event_at >= chain.recomputed_from_at
{%- endmacro %}

{#
    Touched buckets of registers from the uses of their readings: those of what came or went and those of the readings whose
    use changed with it. `changes` and `uses` carry the bucket of each. A bucket that became empty stays as a row without events.
#}
{% macro register_usage(changes, uses) -%}
    with touched as (
        select distinct tenant_no, device_no, metric_no, period_no, bucket_start_at, bucket_end_at
        from (
            select
                change.tenant_no, change.device_no, change.metric_no, change.period_no, change.bucket_start_at,
                change.bucket_end_at
            from {{ changes }} as change
            inner join {{ ref('stg_config__metrics') }} as metric
                on change.metric_no = metric.metric_no and metric.valid_to_load is null
            where {{ is_register('metric') }}
            union all
            select tenant_no, device_no, metric_no, period_no, bucket_start_at, bucket_end_at
            from {{ uses }}
        ) as found
    ),

    series as (
        select
            tenant_no, device_no, metric_no,
            min(bucket_start_at) as first_start_at,
            max(bucket_end_at) as last_end_at,
            array_agg(period_no) as period_nos,
            array_agg(bucket_start_at) as bucket_starts_at,
            array_agg(bucket_end_at) as bucket_ends_at
        from touched
        group by tenant_no, device_no, metric_no
    )

    select
        series.tenant_no,
        series.device_no,
        series.metric_no,
        rebuilt.*,
        0 as estimated_quantity
    from series
    cross join lateral (
        select
            bucket.period_no,
            bucket.bucket_start_at,
            coalesce(sum(used.quantity), 0) as quantity,
            count(used.event_at) as event_count,
            count(*) filter (where used.is_skew_candidate) as skew_candidate_count,
            coalesce(min(used.event_at), bucket.bucket_start_at) as first_event_at,
            coalesce(max(used.event_at), bucket.bucket_start_at) as last_event_at
        from {{ buckets_of_series() }}
        left join (
            select * from {{ source('store', 'register_uses') }} as known
            where
                known.tenant_no = series.tenant_no
                and known.device_no = series.device_no
                and known.metric_no = series.metric_no
                and known.event_at >= series.first_start_at
                and known.event_at < series.last_end_at
            offset 0
        ) as used
            on bucket.period_no = used.period_no
            and used.event_at >= bucket.bucket_start_at
            and used.event_at < bucket.bucket_end_at
        group by series.tenant_no, bucket.period_no, bucket.bucket_start_at
    ) as rebuilt
{%- endmacro %}

{# What a person can do about a reading that was not simply billed. #}
{% macro register_remedy(flag) -%}
    case {{ flag }}
        when 'rollover' then 'none: the register began again at 0 and the use over its end is billed'
        when 'exchange' then 'none: a new meter begins here; see that the last reading of the old one was received'
        when 'reverse'
            then 'if a new meter was fitted, declare it in register_exchanges.csv; if not, use is billed again from the '
                || 'previous high on'
        when 'jump'
            then 'none if the register stays there: the use is billed once it is plausible for the time passed; if not, '
                || 'have the meter looked at'
        when 'interleaved'
            then 'find out which meter belongs to the device, then declare the exchange in register_exchanges.csv'
    end
{%- endmacro %}
