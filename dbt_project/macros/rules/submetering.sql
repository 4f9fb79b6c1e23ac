{# A use is spread evenly over the time since the reading before it, unless that is longer ago than this. #}
{% macro longest_shared_interval() -%} interval '100 days' {%- endmacro %}

{#
    How much of a reading's use lies before an instant, to the ten decimals of a quantity. What lies between two instants
    is the difference of two of these, so that parts always add up to the whole.
#}
{% macro used_until(instant, reading) -%}
    case
        when {{ instant }} <= {{ reading }}.began_at then 0
        when {{ instant }} >= {{ reading }}.event_at then {{ reading }}.quantity
        else round(
            {{ reading }}.quantity * {{ microseconds(instant ~ ' - ' ~ reading ~ '.began_at') }}
            / {{ microseconds(reading ~ '.event_at - ' ~ reading ~ '.began_at') }}, 10
        )
    end
{%- endmacro %}

{# A day is that of whoever is there when it ends: a day of moving in counts, one of moving out does not. #}
{% macro ends_within(day_end_at, starts_at, ends_at) -%}
    {{ day_end_at }} > {{ starts_at }} and {{ day_end_at }} <= {{ ends_at }}
{%- endmacro %}

{# A metric of which every unit of use is somebody's: levels, peaks and counts of a meter are not shared. #}
{% macro is_sharable(metric) -%} {{ metric }}.aggregation = 'sum' {%- endmacro %}

{# The metric of a row as the configuration of its view has it, as `metric`. #}
{% macro metric_of(row) -%}
    inner join {{ ref('stg_config__metrics') }} as metric
        on {{ row }}.metric_no = metric.metric_no
        and {{ in_force('metric', row ~ '.config_load_id') }}
        and {{ is_sharable('metric') }}
{%- endmacro %}

{#
    Whether what a device counts of a metric in a period is shared between occupants and its own tenant; or, not by
    device, whether that of any is which the period's tenant pays.
#}
{% macro is_shared(series, is_by_device=true) -%}
    exists (
        select 1 from {{ ref('int_unit_usage') }} as shared
        where
            shared.tenant_no = {{ series }}.tenant_no
            and shared.period_no = {{ series }}.period_no
            and shared.invoice_version = {{ series }}.invoice_version
            and shared.metric_no = {{ series }}.metric_no
            {%- if is_by_device %}
            and shared.device_no = {{ series }}.device_no
            {%- endif %}
    )
{%- endmacro %}
