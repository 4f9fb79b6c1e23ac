{# What makes two messages the same event. Neither the session nor a timestamp is part of it (DESIGN section 4). #}
{% macro identity(alias=none) -%}
    {%- set prefix = alias ~ '.' if alias else '' -%}
    {{ prefix }}tenant_no, {{ prefix }}device_no, {{ prefix }}metric_no, {{ prefix }}seq_epoch, {{ prefix }}msg_seq
{%- endmacro %}

{% macro same_identity(left, right) -%}
    {{ same_series(left, right) }}
    and {{ left }}.msg_seq = {{ right }}.msg_seq
{%- endmacro %}

{# What counts one sequence: a metric of a device between two restarts of its counter. #}
{% macro same_series(left, right) -%}
    {{ left }}.tenant_no = {{ right }}.tenant_no
    and {{ left }}.device_no = {{ right }}.device_no
    and {{ left }}.metric_no = {{ right }}.metric_no
    and {{ left }}.seq_epoch = {{ right }}.seq_epoch
{%- endmacro %}

{# The facts of one arrival: what was delivered and where it stands in which file. They never change. #}
{% macro arrival(alias=none) -%}
    {%- set prefix = alias ~ '.' if alias else '' -%}
    {{ prefix }}load_id, {{ prefix }}row_number, {{ prefix }}session_key, {{ prefix }}traits_no,
    {{ prefix }}quantity, {{ prefix }}device_ts, {{ prefix }}sent_ts, {{ prefix }}received_at
{%- endmacro %}

{# An arrival of the same identity that says something else than the kept one is no duplicate (RULES 7). #}
{% macro is_conflict(quantity, device_ts, kept_quantity, kept_device_ts) -%}
    ({{ quantity }} <> {{ kept_quantity }} or {{ device_ts }} <> {{ kept_device_ts }})
{%- endmacro %}

{#
    The identity as published (RULES 1): sha256 of canonical JSON with sorted keys and no spaces. PostgreSQL's JSON
    string form escapes exactly what RFC 8785 escapes. Where numbers come again the kept row's device_ts tells the runs
    apart (RULES 8); elsewhere `device_ts` is null.
#}
{% macro event_id(tenant_id, device_id, metric, seq_epoch, msg_seq, device_ts) -%}
    'sha256:' || encode(sha256(convert_to(
        '{"device_id":' || to_json({{ device_id }}::text)::text
        || coalesce(
            ',"device_ts":"' || to_char({{ device_ts }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', ''
        )
        || ',"metric":' || to_json({{ metric }}::text)::text
        || ',"msg_seq":' || {{ msg_seq }}::text || ',"seq_epoch":' || {{ seq_epoch }}::text
        || ',"tenant_id":' || to_json({{ tenant_id }}::text)::text || '}', 'UTF8'
    )), 'hex')
{%- endmacro %}
