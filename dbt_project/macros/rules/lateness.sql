{#
    What becomes of an event (DESIGN section 4, Lateness): b billed in its own period; received at or after that period's
    boundary (RULES 6) by the policy of its contract: d deferred to the period open at receipt, r reopening its own, n not
    billed, which is also what happens to a deferred one for which no period is open (RULES 24) and to what a
    folded period cannot take (`is_settled`); x in no contract (RULES 23).
#}
{% macro disposition(received_at, boundary_at, late_policy, open_period_no, is_settled='false') -%}
    case
        when {{ boundary_at }} is null then 'x'
        when {{ is_settled }} then 'n'
        when {{ received_at }} < {{ boundary_at }} then 'b'
        when {{ late_policy }} = 'reopen' then 'r'
        when {{ late_policy }} = 'defer' and {{ open_period_no }} is not null then 'd'
        else 'n'
    end
{%- endmacro %}

{% macro is_billed(disposition) -%} {{ disposition }} in ('b', 'd', 'r') {%- endmacro %}

{% macro is_late(disposition) -%} {{ disposition }} in ('d', 'r', 'n') {%- endmacro %}

{# In the words of finance. #}
{% macro late_decision(disposition) -%}
    case {{ disposition }} when 'd' then 'deferred' when 'r' then 'reopened' when 'n' then 'not_billed' end
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
