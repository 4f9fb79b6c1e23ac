{# How far back an estimate looks for the device's habits: four weeks, so that every hour of the week is there. #}
{% macro estimation_lookback() -%} interval '28 days' {%- endmacro %}

{# Only use that is reported at least hourly has hours that can be missing. #}
{% macro longest_estimated_interval_seconds() -%} 3600 {%- endmacro %}

{# A sum of deltas has use in each hour; registers are estimated from reading to reading. #}
{% macro is_estimated_by_hour(metric) -%}
    ({{ metric }}.reading_type = 'delta' and {{ metric }}.aggregation = 'sum')
{%- endmacro %}

{# Of an earlier period, only devices of which readings came late concern the period that is rated. #}
{% macro is_rated_series(row, rated_period_no, period_no) -%}
    (
        {{ rated_period_no }} = {{ period_no }}
        or ({{ row }}.tenant_no, {{ rated_period_no }}, {{ row }}.device_no, {{ row }}.metric_no) in (
            select late.tenant_no, late.period_no, late.device_no, late.metric_no
            from {{ ref('int_deferred_hours') }} as late
        )
    )
{%- endmacro %}

{# Hours of which an estimate may learn: the period's own, and what was used before it, wherever that was billed. #}
{% macro is_learnt_from(period, row, instant) -%}
    {{ instant }} >= {{ period }}.period_start_at - {{ estimation_lookback() }}
    and {{ instant }} < {{ period }}.period_end_at
    and ({{ row }}.period_no = {{ period }}.period_no or {{ instant }} < {{ period }}.period_start_at)
{%- endmacro %}

{% macro local_hour_of(instant, time_zone) -%}
    extract(hour from {{ instant }} at time zone {{ time_zone }})::integer
{%- endmacro %}

{% macro day_type_of(instant, time_zone) -%}
    case when extract(isodow from {{ instant }} at time zone {{ time_zone }}) >= 6 then 'weekend' else 'workday' end
{%- endmacro %}

{# On the line between the nearest readings before and after; with one of them only, as much as there. #}
{% macro on_the_line(gap) -%}
    case
        when {{ gap }}.before_quantity is null then {{ gap }}.after_quantity
        when {{ gap }}.after_quantity is null then {{ gap }}.before_quantity
        else {{ gap }}.before_quantity + ({{ gap }}.after_quantity - {{ gap }}.before_quantity)
            * extract(epoch from {{ gap }}.hour_at - {{ gap }}.before_at)
            / extract(epoch from {{ gap }}.after_at - {{ gap }}.before_at)
    end
{%- endmacro %}

{# Use with what is estimated; a measurement that is unknown, not absent, stays unknown. #}
{% macro with_estimates(measured, estimated) -%}
    case
        when {{ measured }}.event_count is null then {{ estimated }}.quantity
        else {{ measured }}.quantity + coalesce({{ estimated }}.quantity, 0)
    end
{%- endmacro %}
