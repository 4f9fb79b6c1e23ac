{#
    Billed events of closed versions as the store stood at the close: what loads with a higher number, or applied after
    the close was recorded, have added or restated is left out, and so are later edits; `reading` is the number as edited,
    `quantity` what it counts. `scope` joins `closed`, a relation of versions (by default those to verify), with `states`,
    the events' own rows or their restatements; `also` names one more column of `closed` to hand on.
#}
{% macro events_as_of_close(scope, closed=none, also=none) -%}
    with closed as (
        select * from {{ closed or '(select * from ' ~ ref('int_periods_to_rate') ~ " where kind = 'verify') as verified" }}
    ),

    applied_later as (
        select distinct closed.close_id, load.load_id
        from (
            select close_id, max(last_load_id) as last_load_id, min(recorded_at) as recorded_at
            from closed
            group by close_id
        ) as closed
        inner join {{ source('ledger', 'loads') }} as load
            on closed.last_load_id >= load.load_id and closed.recorded_at < load.applied_at
    ),

    known as (
        {%- for states in [source('store', 'events'), source('store', 'event_restatements')] %}
        {%- set stored = loop.first %}
        {{ 'union all' if not stored }}
        select
            closed.close_id, closed.period_no as closed_period_no, closed.invoice_version, closed.last_load_id,
            closed.config_load_id, {% if also %}closed.{{ also }}, {% endif %}states.*
        from closed
        inner join (
            select
                {{ identity() }}, {{ 'device_ts as stored_device_ts' if stored else 'stored_device_ts' }},
                {{ '0 as version, load_id as cause_load_id' if stored else 'version, cause_load_id' }},
                event_at, period_no, disposition, is_skew_candidate, quantity, traits_no
            from {{ states }}
        ) as states
            on closed.tenant_no = states.tenant_no
            and closed.last_load_id >= states.cause_load_id
            and {{ scope }}
        where
            {{ is_billed('states.disposition') }}
            and not exists (
                select 1 from applied_later
                where applied_later.close_id = closed.close_id and applied_later.load_id = states.cause_load_id
            )
            and not exists (
                select 1
                from {{ source('store', 'event_restatements') }} as later
                where
                    {{ same_identity('later', 'states') }}
                    and later.stored_device_ts = states.stored_device_ts
                    and later.version > states.version
                    and later.cause_load_id <= closed.last_load_id
                    and not exists (
                        select 1 from applied_later
                        where
                            applied_later.close_id = closed.close_id
                            and applied_later.load_id = later.cause_load_id
                    )
            )
        {%- endfor %}
    ),

    standing as (
        select
            known.*,
            {{ edited_quantity(
                'known', 'edited.load_id <= known.last_load_id and not exists (select 1 from applied_later'
                ~ ' where applied_later.close_id = known.close_id and applied_later.load_id = edited.load_id)'
            ) }} as reading
        from known
    )

    select
        standing.close_id, standing.closed_period_no, standing.invoice_version, standing.last_load_id,
        standing.config_load_id, {% if also %}standing.{{ also }}, {% endif %}{{ identity('standing') }}, standing.stored_device_ts, standing.event_at,
        standing.period_no, standing.disposition, standing.is_skew_candidate, standing.traits_no, standing.reading,
        {{ calibrated('standing.reading') }} as quantity
    from standing
    {{ calibrated_by('standing', in_force('calibration', 'standing.config_load_id')) }}
{%- endmacro %}
