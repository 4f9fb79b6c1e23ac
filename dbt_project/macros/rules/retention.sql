{#
    Which contracts say how long something is kept: those in force at some time between its first and its last instant;
    where there is none, all of the tenant's. `kept` has tenant_no, first_at and last_at.
#}
{% macro says_how_long(contract, kept) -%}
    {{ contract }}.tenant_no = {{ kept }}.tenant_no
    and (
        ({{ contract }}.starts_at <= {{ kept }}.last_at and {{ contract }}.ends_at > {{ kept }}.first_at)
        or not exists (
            select 1 from {{ ref('int_contract_retention') }} as other
            where
                other.tenant_no = {{ kept }}.tenant_no
                and other.starts_at <= {{ kept }}.last_at and other.ends_at > {{ kept }}.first_at
        )
    )
{%- endmacro %}

{# The days of a class that speak of what is kept; null is without end. #}
{% macro days_kept(contract, kind) -%}
    case {{ kind }}
        when 'deliveries' then {{ contract }}.raw_days
        when 'minute_totals' then {{ contract }}.minute_days
        else {{ contract }}.event_days
    end
{%- endmacro %}

{#
    Whether a hold covers something: it was measured or received in the time of the hold. Deliveries of a day may tell of
    any time before it, so the end of a hold frees none of them.
#}
{% macro is_on_hold(kept) -%} exists (select 1 {{ holds_of(kept) }}) {%- endmacro %}

{% macro holds_of(kept) -%}
    from {{ ref('int_standing_holds') }} as hold
    where
        hold.tenant_no = {{ kept }}.tenant_no
        and hold.from_at <= greatest({{ kept }}.last_at, {{ kept }}.last_received_at)
        and (
            hold.until_at > least({{ kept }}.first_at, {{ kept }}.first_received_at)
            or {{ kept }}.kind = 'deliveries'
        )
{%- endmacro %}

{# Whether a message of the received day may still be wanted by an open period of its tenant. #}
{% macro has_open_period(kept) -%} exists (select 1 {{ open_periods_of(kept) }}) {%- endmacro %}

{% macro open_periods_of(kept) -%}
    from {{ ref('int_named_periods') }} as period
    where
        period.tenant_no = {{ kept }}.tenant_no
        and period.period_start_at < {{ kept }}.last_at
        and period.boundary_at > {{ kept }}.first_at
        and not {{ is_closed('period.tenant_no', 'period.period_no') }}
{%- endmacro %}

{# `1 file`, `2 files`. #}
{% macro counted(number, noun) -%}
    case {{ number }} when 1 then '1 {{ noun }}' else {{ number }} || ' {{ noun }}s' end
{%- endmacro %}

{# `1 open period, acme:2019-02-01`, or `3 open periods of 2 tenants, such as acme:2019-02-01`. #}
{% macro counted_with_example(blocks, noun) -%}
    {{ counted(blocks ~ '.block_count', noun) }}
    || case {{ blocks }}.block_count
        when 1 then ', '
        else ' of ' || {{ counted(blocks ~ '.tenant_count', 'tenant') }} || ', such as '
    end
    || {{ blocks }}.example
{%- endmacro %}

{# Archives and the partitions of the store are by calendar month of UTC. #}
{% macro month_of(instant) -%}
    date_trunc('month', ({{ instant }}) at time zone 'UTC')::date
{%- endmacro %}

{% macro utc_midnight(day) -%}
    ({{ day }})::timestamp at time zone 'UTC'
{%- endmacro %}
