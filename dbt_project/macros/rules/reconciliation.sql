{# By how much sub-meters may differ from their master meter where properties.csv says nothing: losses and meter classes. #}
{% macro default_property_tolerance_percent() -%} 5 {%- endmacro %}

{% macro is_within_tolerance(master_quantity, sub_quantity, tolerance_percent) -%}
    abs({{ master_quantity }} - {{ sub_quantity }}) * 100 <= abs({{ master_quantity }}) * {{ tolerance_percent }}
{%- endmacro %}

{# What the meters of a property counted on a day, from `meter` beside what each `used`; a day without meters has none. #}
{% macro property_totals() -%}
    sum(used.quantity) filter (where meter.meter_role = 'master') as master_quantity,
    coalesce(sum(used.quantity) filter (where meter.meter_role = 'sub'), 0) as sub_quantity,
    count(*) filter (where meter.meter_role = 'sub') as sub_meter_count,
    count(*) filter (where meter.device_no is not null and used.quantity is null) as missing_device_count,
    string_agg(meter.tenant_id || '/' || meter.device_id, ' ' order by meter.tenant_id, meter.device_id)
        filter (where used.quantity is null) as missing_devices,
    max(meter.tolerance_percent) as tolerance_percent
{%- endmacro %}
