{#
    Runs of a sequence number (RULES 8): device types with `new_epoch` use a number again after a restart that nothing
    announces. A run is found in the set of arrivals, never in the order of loading: the least device_ts begins one,
    what lies at most the window after its first reading belongs to it, the next begins another. Without a window (null)
    there is one run. `arrivals` is the alias in whose order by device_ts the first readings are found.
#}
{% macro run_started_at(arrival, reuse_window, partition) -%}
    store.run_start({{ arrival }}.device_ts, {{ reuse_window }})
        over (partition by {{ partition }} order by {{ arrival }}.device_ts)
{%- endmacro %}

{# A day: longer than any redelivery of a live message, shorter than what a 16-bit counter takes to come round. #}
{% macro default_reuse_window_seconds() -%} 86400 {%- endmacro %}

{#
    Which stored event is which run's: the one that was stored with the device_ts that the run keeps now; what is left
    on both sides goes together in order, and a run beyond those is a new event. More arrivals never make fewer runs,
    so no stored event is ever left over. `runs` has run_started_at and kept_device_ts, `known` stored_device_ts.
    run_no counts what one number has in one month of the event store: those that are stored, then the new ones.
#}
{% macro rows_of_runs(runs, known) -%}
    select
        {{ identity() }},
        max(run_started_at) as run_started_at,
        max(stored_device_ts) as stored_device_ts,
        count(*) over (partition by {{ identity() }}) as run_count,
        row_number() over (
            partition by
                {{ identity() }}, date_trunc('month', coalesce(max(stored_device_ts), max(met_at)) at time zone 'UTC')
            order by max(stored_device_ts), max(run_started_at)
        ) as run_no
    from (
        select
            *,
            run_started_at is not null and stored_device_ts is not null as is_met,
            row_number() over (
                partition by {{ identity() }}, run_started_at is null, stored_device_ts is null
                order by coalesce(run_started_at, stored_device_ts)
            ) as place
        from (select {{ identity() }}, run_started_at, kept_device_ts as met_at from {{ runs }}) as run
        full join (select {{ identity() }}, stored_device_ts, stored_device_ts as met_at from {{ known }}) as stored
            using ({{ identity() }}, met_at)
    ) as placed
    group by {{ identity() }}, is_met, place
{%- endmacro %}

{# First readings as they now stand: of each stored event of an identity with several runs, its latest. #}
{% macro current_runs() -%}
    (
        select latest.*
        from {{ source('store', 'sequence_runs') }} as latest
        where not exists (
            select 1
            from {{ source('store', 'sequence_runs') }} as later
            where
                {{ same_identity('later', 'latest') }}
                and latest.stored_device_ts = later.stored_device_ts
                and latest.version < later.version
        )
    )
{%- endmacro %}

{# Which stored event's run an arrival lies in; null where its identity has one run only. #}
{% macro row_of_run(arrival) -%}
    (
        select run.stored_device_ts
        from {{ current_runs() }} as run
        where {{ same_identity('run', arrival) }} and run.run_started_at <= {{ arrival }}.device_ts
        order by run.run_started_at desc
        limit 1
    )
{%- endmacro %}

{#
    Which run of its number an event is, counted from 1. Run numbers order readings of one instant (RULES 10); they are no
    part of any id.
#}
{% macro run_number(event) -%}
    (
        select greatest(count(*), 1)
        from {{ current_runs() }} as run
        inner join {{ current_runs() }} as own
            on {{ same_identity('own', 'run') }} and own.run_started_at >= run.run_started_at
        where {{ same_identity('run', event) }} and own.stored_device_ts = {{ event }}.stored_device_ts
    )
{%- endmacro %}
