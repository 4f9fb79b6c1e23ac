{#
    What became of every message of a load (DESIGN section 4, Conservation): stored and billed, duplicate, quarantined,
    or late and not billed. Counted from where the rows lie, so that a row which is lost or lies twice shows.
    `loads` is a relation with load_id.
#}
{% macro load_balance(loads) -%}
    with kept as (
        select state.load_id, state.disposition
        from {{ ref('int_event_state') }} as state
        where
            {{ is_among('state.stored_load_id', loads) }}
            and (state.load_id, state.row_number) = (state.stored_load_id, state.stored_row_number)
        union all
        select restated.load_id, restated.disposition
        from {{ source('store', 'event_restatements') }} as restated
        inner join {{ ref('int_event_state') }} as state
            on {{ same_identity('restated', 'state') }}
            and restated.stored_device_ts = state.stored_device_ts
            and restated.version = state.version
        where
            {{ is_among('restated.load_id', loads) }}
            and (state.load_id, state.row_number) <> (state.stored_load_id, state.stored_row_number)
    ),

    outcomes as (
        select load_id, case
            when {{ is_billed('disposition') }} then 'stored' when disposition = 'n' then 'late' else 'quarantined'
        end as outcome
        from kept
        union all
        select load_id, case when is_conflict then 'quarantined' else 'duplicate' end
        from {{ ref('int_repeat_state') }}
        where {{ is_among('load_id', loads) }}
        union all
        select load_id, 'quarantined'
        from {{ source('store', 'quarantine') }}
        where {{ is_among('load_id', loads) }}
    )

    select
        loaded.load_id,
        loaded.region,
        loaded.received_date,
        loaded.source_file,
        loaded.message_count::bigint as message_count,
        count(*) filter (where outcomes.outcome = 'stored') as stored_count,
        count(*) filter (where outcomes.outcome = 'duplicate') as duplicate_count,
        count(*) filter (where outcomes.outcome = 'quarantined') as quarantined_count,
        count(*) filter (where outcomes.outcome = 'late') as late_not_billed_count
    from {{ source('ledger', 'loads') }} as loaded
    left join outcomes on loaded.load_id = outcomes.load_id
    where loaded.load_id in (select load_id from {{ loads }})
    group by loaded.load_id, loaded.region, loaded.received_date, loaded.source_file, loaded.message_count
{%- endmacro %}
