{# Local days that a half-open stretch of time touches. #}
{% macro local_days(from_at, until_at, time_zone) -%}
    (
        {{ local_date('(' ~ until_at ~ " - interval '1 microsecond')", time_zone) }}
        - {{ local_date(from_at, time_zone) }} + 1
    )
{%- endmacro %}

{#
    Devices by the days they were in service, of the days of a whole cycle; one in service all of a period counts as much as
    the period. An aggregate over rows of int_device_days of one period: whole days are added up, divided once and rounded.
#}
{% macro prorated_devices(days) -%}
    round(
        (sum({{ days }}.service_days) * min({{ days }}.proration_numerator))::numeric(60, 20)
        / (min({{ days }}.period_days) * min({{ days }}.proration_denominator)),
        10
    )
{%- endmacro %}

{# Charges that measure by themselves what is no sum over devices, see int_charge_measures. #}
{% macro has_own_measure(card) -%}
    ({{ card }}.charge_basis in ('offline_hours', 'time_weighted', 'distinct_values') or {{ card }}.device_proration = 'day')
{%- endmacro %}
