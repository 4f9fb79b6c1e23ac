{# Local days that a half-open stretch of time touches. #}
{% macro local_days(from_at, until_at, time_zone) -%}
    (
        {{ local_date('(' ~ until_at ~ " - interval '1 microsecond')", time_zone) }}
        - {{ local_date(from_at, time_zone) }} + 1
    )
{%- endmacro %}

{# Whether devices count for the time that they were in service. #}
{% macro is_device_prorated(price) -%} {{ price }}.device_proration in ('day', 'second') {%- endmacro %}

{#
    Devices by the days, or seconds, they were in service, of those of a whole cycle; one in service all of a period counts
    as much as the period. An aggregate over rows of int_device_days of one period: whole days, or seconds, are added up,
    divided once and rounded.
#}
{% macro prorated_devices(served, price) -%}
    case {{ price }}.device_proration
        when 'second' then round(sum({{ served }}.service_seconds)::numeric(60, 20) / min({{ served }}.cycle_seconds), 10)
        else round(
            (sum({{ served }}.service_days) * min({{ served }}.proration_numerator))::numeric(60, 20)
            / (min({{ served }}.period_days) * min({{ served }}.proration_denominator)),
            10
        )
    end
{%- endmacro %}

{#
    A level times seconds as unit-hours; weighed by the period as the average level, of a partial period times its share of
    the cycle's days (RULES 13). Rounded once per device.
#}
{% macro weighed_level(level_seconds, weighting, period) -%}
    case {{ weighting }}
        when 'period' then round(
            ({{ level_seconds }} * {{ period }}.proration_numerator)::numeric(60, 20) / (
                extract(epoch from {{ period }}.period_end_at - {{ period }}.period_start_at)
                * {{ period }}.proration_denominator
            ), 10
        )
        else round(({{ level_seconds }})::numeric(60, 20) / 3600, 10)
    end
{%- endmacro %}

{#
    Whether messages that a charge measures were folded, so that it cannot be measured again: those of the period, or for a
    level, which goes on from one period to the next, those of any period before.
#}
{% macro is_measure_settled(price, period) -%}
    exists (
        select 1
        from {{ source('store', 'folded_periods') }} as folded
        inner join {{ source('store', 'periods') }} as earlier
            on folded.tenant_no = earlier.tenant_no and folded.period_no = earlier.period_no
        where
            folded.tenant_no = {{ period }}.tenant_no
            and (
                folded.period_no = {{ period }}.period_no
                or ({{ price }}.charge_basis = 'time_weighted' and earlier.period_start_at < {{ period }}.period_start_at)
            )
    )
{%- endmacro %}

{# Hours offline are credited: the card says what an hour is worth, the line takes it off. #}
{% macro is_credit(charge) -%} {{ charge }}.charge_basis = 'offline_hours' {%- endmacro %}

{% macro credited(charge, value) -%} case when {{ is_credit(charge) }} then -({{ value }}) else {{ value }} end {%- endmacro %}

{# What charges measure by themselves that is neither use nor a number of devices, see int_charge_measures. #}
{% macro own_measures() -%} 'offline_hours', 'time_weighted', 'distinct_values' {%- endmacro %}

{# Whether a charge is priced by such a measure: by one of those, or by devices as long as they were in service. #}
{% macro is_measured_apart(price) -%}
    ({{ is_device_prorated(price) }} or {{ price }}.charge_basis in ({{ own_measures() }}))
{%- endmacro %}
