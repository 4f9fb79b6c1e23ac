{# b billed, n not billed because it was received at or after the boundary (RULES 6), x in no contract (RULES 23). #}
{% macro disposition(received_at, boundary_at) -%}
    case
        when {{ boundary_at }} is null then 'x'
        when {{ received_at }} >= {{ boundary_at }} then 'n'
        else 'b'
    end
{%- endmacro %}

{# RULES 9: the device's stamp lies outside the period that bills the event, but so little that a clock explains it. #}
{% macro is_skew_candidate(device_ts, period_start_at, period_end_at) -%}
    coalesce(
        ({{ device_ts }} < {{ period_start_at }} and {{ device_ts }} >= {{ period_start_at }} - {{ skew_tolerance() }})
        or ({{ device_ts }} >= {{ period_end_at }} and {{ device_ts }} <= {{ period_end_at }} + {{ skew_tolerance() }}),
        false
    )
{%- endmacro %}

{% macro skew_tolerance() -%} interval '5 minutes' {%- endmacro %}

{# Which periods a close may take: those whose boundary has passed as of its instant, or of what their region received. #}
{% macro is_due(period, request, watermark) -%}
    {{ period }}.boundary_at <= coalesce({{ request }}.as_of, {{ watermark }}.received_until_at)
{%- endmacro %}
