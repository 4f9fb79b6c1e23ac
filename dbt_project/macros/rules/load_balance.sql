{#
    What became of every message of a load (DESIGN section 4, Conservation): stored and billed, duplicate, quarantined,
    or late and not billed. Counted from where the rows lie, so that a row which is lost or lies twice shows.
    Of the current run, or of everything ever loaded; `kept` is a query for what kept_messages says of it.
#}
{% macro load_balance(of_run, kept) -%}
    with kept as (
        {{ kept }}
    ),

    outcomes as (
        select
            load_id,
            case
                when {{ is_billed('disposition') }} then 'stored' when disposition = 'n' then 'late' else 'quarantined'
            end as outcome,
            messages
        from kept
        union all
        select load_id, case when is_conflict then 'quarantined' else 'duplicate' end, 1
        from {{ ref('int_repeat_state') }}
        where {{ is_balanced('load_id', of_run) }}
        union all
        select load_id, 'quarantined', 1
        from {{ source('store', 'quarantine') }}
        where {{ is_balanced('load_id', of_run) }}
        union all
        select folded.load_id, counted.outcome, counted.messages
        from {{ source('store', 'folded_loads') }} as folded
        cross join lateral (
            values
            ('stored', folded.stored_count), ('late', folded.late_not_billed_count),
            ('quarantined', folded.quarantined_count)
        ) as counted (outcome, messages)
        where {{ is_balanced('folded.load_id', of_run) }}
    ),

    -- Counted before they are joined: the planner takes the loads of a run for one, and would count once for each.
    counted as materialized (
        select
            load_id,
            sum(messages) filter (where outcome = 'stored') as stored_count,
            sum(messages) filter (where outcome = 'duplicate') as duplicate_count,
            sum(messages) filter (where outcome = 'quarantined') as quarantined_count,
            sum(messages) filter (where outcome = 'late') as late_not_billed_count
        from outcomes
        group by load_id
    )

    select
        loaded.load_id,
        loaded.region,
        loaded.received_date,
        loaded.source_file,
        loaded.message_count::bigint as message_count,
        coalesce(counted.stored_count, 0)::bigint as stored_count,
        coalesce(counted.duplicate_count, 0)::bigint as duplicate_count,
        coalesce(counted.quarantined_count, 0)::bigint as quarantined_count,
        coalesce(counted.late_not_billed_count, 0)::bigint as late_not_billed_count
    from {{ source('ledger', 'loads') }} as loaded
    left join counted on loaded.load_id = counted.load_id
    where loaded.region is not null and {{ is_balanced('loaded.load_id', of_run) }}
{%- endmacro %}

{# Messages that the event store keeps, an event by its latest restatement, counted by load and disposition. #}
{% macro kept_messages(of_run) -%}
    select load_id, disposition, count(*) as messages
    from (
        select state.load_id, state.disposition
        from {{ ref('int_event_state') }} as state
        where
            {{ is_balanced('state.stored_load_id', of_run) }}
            and (state.load_id, state.row_number) = (state.stored_load_id, state.stored_row_number)
            and {{ in_lane('state.tenant_no') }}
        union all
        select restated.load_id, restated.disposition
        from {{ source('store', 'event_restatements') }} as restated
        inner join {{ ref('int_event_state') }} as state
            on {{ same_identity('restated', 'state') }}
            and restated.stored_device_ts = state.stored_device_ts
            and restated.version = state.version
        where
            {{ is_balanced('restated.load_id', of_run) }}
            and (state.load_id, state.row_number) <> (state.stored_load_id, state.stored_row_number)
            and {{ in_lane('restated.tenant_no') }}
    ) as kept
    group by load_id, disposition
{%- endmacro %}

{% macro is_balanced(load_id, of_run) -%}
    {%- if of_run -%} {{ is_claimed(load_id) }} {%- else -%} true {%- endif -%}
{%- endmacro %}
