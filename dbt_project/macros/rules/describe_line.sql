{# Words of an invoice line. Patterns name their own separators, so that no locale of a server changes the text. #}
{% macro number_words(value) -%}
    rtrim(to_char({{ value }}, 'FM999,999,999,999,999,999,990.9999999999'), '.')
{%- endmacro %}

{% macro price_words(value) -%}
    to_char({{ value }}, 'FM999,999,999,999,999,999,990.0099999999')
{%- endmacro %}

{% macro charge_words(charge) -%}
    case {{ charge }}.charge_basis
        when 'active_devices' then
            'active devices' || coalesce(' of ' || {{ charge }}.metric, '')
            || case {{ charge }}.device_proration
                when 'day' then ' by days in service'
                when 'second' then ' by seconds in service'
                else ''
            end
            || case
                when {{ is_device_prorated(charge) }} and {{ charge }}.device_end = 'inclusive' then ', last day included'
                else ''
            end
        when 'peak_demand' then 'peak demand of ' || {{ charge }}.metric
        when 'days' then 'days'
        when 'monitored_hours' then 'monitored hours' || coalesce(' of ' || {{ charge }}.metric, '')
        when 'offline_hours' then 'credit for hours offline'
        when 'time_weighted' then
            case {{ charge }}.weighting when 'period' then 'average level of ' else 'unit-hours of ' end
            || {{ charge }}.metric
        when 'distinct_values' then 'different values of ' || {{ charge }}.attribute || ' in ' || {{ charge }}.metric
        else coalesce({{ charge }}.metric, 'all metrics')
    end
{%- endmacro %}

{% macro tier_range_words(lower_bound, up_to) -%}
    'units' || case when {{ lower_bound }} > 0 then ' above ' || {{ number_words(lower_bound) }} else '' end
    || coalesce(' up to ' || {{ number_words(up_to) }}, '')
{%- endmacro %}

{# The name of the charge, the value that splits it and the days that it prices, where it has them. #}
{% macro part_words(charge) -%}
    case when {{ charge }}.charge <> '' then ' (' || {{ charge }}.charge || ')' else '' end
    || case
        when {{ charge }}.price_model = 'dynamic' then ''
        when {{ charge }}.price_model = 'matrix' and {{ charge }}.part = ''
            then ', other values of ' || {{ charge }}.attribute
        when coalesce({{ charge }}.part, '') = '' then ''
        when {{ charge }}.attribute is not null then ', ' || {{ charge }}.attribute || ' ' || {{ charge }}.part
        else ', ' || {{ charge }}.part
    end
    || {{ dates_words(charge) }}
{%- endmacro %}

{# How the units of a tier are priced. #}
{% macro tier_words(tier) -%}
    case
        when {{ tier }}.price_model in ('percentage', 'graduated_percentage') then
            {{ number_words(tier ~ '.unit_price * 100') }} || ' % of the amount'
            || case
                when {{ tier }}.price_model = 'graduated_percentage'
                    then ' in tier ' || {{ tier }}.tier_number::text || ', '
                    || {{ tier_range_words(tier ~ '.lower_bound', tier ~ '.up_to') }}
                else ''
            end
        when {{ tier }}.price_model in ('graduated', 'matrix') then format(
            'tier %s, %s at %s', {{ tier }}.tier_number, {{ tier_range_words(tier ~ '.lower_bound', tier ~ '.up_to') }},
            {{ price_words(tier ~ '.unit_price') }}
        )
        when {{ tier }}.price_model = 'volume' then format(
            'every unit at %s, tier %s (%s)', {{ price_words(tier ~ '.unit_price') }}, {{ tier }}.tier_number,
            {{ tier_range_words(tier ~ '.lower_bound', tier ~ '.up_to') }}
        )
        when {{ tier }}.price_model in {{ package_models() }} then format(
            '%s units in packages of %s at %s', {{ number_words(tier ~ '.tier_quantity') }},
            {{ number_words(tier ~ '.package_size') }}, {{ price_words(tier ~ '.unit_price') }}
        )
        else 'every unit at ' || {{ price_words(tier ~ '.unit_price') }}
    end
{%- endmacro %}

{% macro fee_words(fee) -%}
    case {{ fee }}.price_model
        when 'flat' then 'recurring fee of ' || {{ price_words(fee ~ '.flat_fee') }} || {{ proration_words(fee) }}
        when 'capacity' then format(
            'capacity of %s, tier %s (%s)', {{ number_words(fee ~ '.billable_quantity') }}, {{ fee }}.tier_number,
            {{ tier_range_words(fee ~ '.lower_bound', fee ~ '.up_to') }}
        )
        else 'flat fee of tier ' || {{ fee }}.tier_number::text
            || case when {{ fee }}.fee_count > 1 then ', ' || {{ fee }}.fee_count::text || ' times' else '' end
    end
{%- endmacro %}

{# Empty for a whole cycle. #}
{% macro proration_words(period, unit="'days'") -%}
    case
        when {{ period }}.proration_numerator <> {{ period }}.proration_denominator
            then format(
                ', %s of %s %s', {{ period }}.proration_numerator, {{ period }}.proration_denominator, {{ unit }}
            )
        else ''
    end
{%- endmacro %}

{# What the charge measured is partly, or wholly, not a reading. #}
{% macro estimated_words(estimated_quantity) -%}
    case
        when {{ estimated_quantity }} > 0 then ', of which ' || {{ number_words(estimated_quantity) }} || ' estimated'
        when {{ estimated_quantity }} < 0
            then ', less ' || {{ number_words('-' ~ estimated_quantity) }} || ' that was estimated before'
        else ''
    end
{%- endmacro %}

{# Times what, and plus or minus what; nothing for neither. #}
{% macro calibration_words(calibration) -%}
    case when {{ calibration }}.multiplier <> 1 then ' x ' || {{ number_words(calibration ~ '.multiplier') }} else '' end
    || case
        when {{ calibration }}.offset_quantity > 0 then ' + ' || {{ number_words(calibration ~ '.offset_quantity') }}
        when {{ calibration }}.offset_quantity < 0 then ' - ' || {{ number_words('-' ~ calibration ~ '.offset_quantity') }}
        else ''
    end
{%- endmacro %}

{% macro calibrated_words(calibrations) -%}
    coalesce(', calibrated ' || {{ calibrations }}, '')
{%- endmacro %}

{% macro included_words(included_quantity) -%}
    case
        when {{ included_quantity }} > 0 then ', after ' || {{ number_words(included_quantity) }} || ' included units'
        else ''
    end
{%- endmacro %}

{# How sure the quantity of a line of use is; a fee has none. #}
{% macro line_quality(line) -%}
    case
        when {{ line }}.line_type not in ('usage', 'package', 'credit') then null
        when {{ line }}.estimated_quantity > 0 then 'estimated'
        when {{ line }}.estimated_quantity < 0 then 'trued_up'
        else 'measured'
    end
{%- endmacro %}
