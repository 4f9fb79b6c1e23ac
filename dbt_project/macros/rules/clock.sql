{# How long a message took, by its own clock: publication where the device says it, else the measurement. #}
{% macro delay(alias=none) -%}
    {%- set prefix = alias ~ '.' if alias else '' -%}
    {{ prefix }}received_at - case when {{ prefix }}sent_ts > '-infinity' then {{ prefix }}sent_ts else {{ prefix }}device_ts end
{%- endmacro %}

{% macro microseconds(interval_expression) -%}
    (extract(epoch from {{ interval_expression }}) * 1000000)::bigint
{%- endmacro %}

{#
    Least delay over the day before, the day and the day after (RULES 3); messages without a session stand for their
    own day only. `session` has tenant_no, device_no, session_key and received_day; `condition` narrows the evidence.
#}
{% macro session_offset_us(session, condition='true') -%}
    (
        select min(evidence.least_delay_us)
        from {{ source('store', 'session_evidence') }} as evidence
        where
            evidence.tenant_no = {{ session }}.tenant_no
            and evidence.device_no = {{ session }}.device_no
            and evidence.session_key = {{ session }}.session_key
            and {{ speaks_for('evidence', session) }}
            and {{ condition }}
            and not exists (
                select 1
                from {{ source('store', 'session_evidence') }} as newer
                where
                    newer.tenant_no = evidence.tenant_no
                    and newer.device_no = evidence.device_no
                    and newer.session_key = evidence.session_key
                    and {{ speaks_for('newer', session) }}
                    and newer.received_day = evidence.received_day
                    and newer.generation > evidence.generation
                    and {{ condition | replace('evidence.', 'newer.') }}
            )
    )
{%- endmacro %}

{# The days whose evidence counts. Said of every look, or a session is read from its first day on. #}
{% macro speaks_for(evidence, session) -%}
    {%- set days = 'case when ' ~ session ~ '.session_key = 0 then 0 else 1 end' -%}
    {{ evidence }}.received_day between {{ session }}.received_day - {{ days }} and {{ session }}.received_day + {{ days }}
{%- endmacro %}

{# A backlog is late, not wrong: it ends in live messages whose delay is small, and they speak for the session. #}
{% macro is_session_trusted(offset_us, max_clock_skew_seconds) -%}
    abs({{ offset_us }}) <= {{ max_clock_skew_seconds }} * 1000000
{%- endmacro %}

{# As an interval, made once for a session and day: events compare their times with it, which numbers would make dear. #}
{% macro clock_skew_limit(max_clock_skew_seconds) -%}
    ({{ max_clock_skew_seconds }}::double precision * interval '1 second')
{%- endmacro %}

{# What a device without a declared type is allowed. #}
{% macro default_clock_skew_seconds() -%} 300 {%- endmacro %}

{#
    Which clock dates an event (DESIGN section 4): d device, c corrected, s server. Even in a trusted session a stamp
    far after its receipt is untrusted (RULES 4). `hybrid` compares each message's own delay with the limit, so it
    takes a backlog for a wrong clock; DECISIONS.md has the example.
#}
{% macro timestamp_source(clock_policy, is_trusted, device_ts, received_at, limit) -%}
    case
        when {{ clock_policy }} = 'device' then 'd'
        when {{ clock_policy }} = 'hybrid' then
            case when {{ received_at }} - {{ device_ts }} between -{{ limit }} and {{ limit }} then 'd' else 's' end
        when {{ is_trusted }} and {{ device_ts }} <= {{ received_at }} + {{ limit }} then 'd'
        when {{ clock_policy }} = 'server' then 's'
        else 'c'
    end
{%- endmacro %}

{# A corrected time never lies after the receipt: nothing is measured after it was received. #}
{% macro event_at(timestamp_source, device_ts, received_at, offset_us) -%}
    case
        when {{ timestamp_source }} = 'd' then {{ device_ts }}
        when {{ timestamp_source }} = 'c' then least({{ device_ts }} + {{ offset_us }} * interval '1 microsecond', {{ received_at }})
        else {{ received_at }}
    end
{%- endmacro %}

{# An event dated by another clock than the device's, this near to where one period becomes the next, is for a person. #}
{% macro review_distance() -%} interval '10 minutes' {%- endmacro %}
