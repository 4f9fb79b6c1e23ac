{# Words of an invoice line. Patterns name their own separators, so that no locale of a server changes the text. #}
{% macro number_words(value) -%}
    rtrim(to_char({{ value }}, 'FM999,999,999,999,999,999,990.9999999999'), '.')
{%- endmacro %}

{% macro price_words(value) -%}
    to_char({{ value }}, 'FM999,999,999,999,999,999,990.0099999999')
{%- endmacro %}

{% macro charge_words(charge_basis, metric) -%}
    case {{ charge_basis }}
        when 'active_devices' then 'active devices' || coalesce(' of ' || {{ metric }}, '')
        when 'monitored_hours' then 'monitored hours' || coalesce(' of ' || {{ metric }}, '')
        else coalesce({{ metric }}, 'all metrics')
    end
{%- endmacro %}

{% macro tier_range_words(lower_bound, up_to) -%}
    'units' || case when {{ lower_bound }} > 0 then ' above ' || {{ number_words(lower_bound) }} else '' end
    || coalesce(' up to ' || {{ number_words(up_to) }}, '')
{%- endmacro %}

{# Empty for a whole cycle. #}
{% macro proration_words(period) -%}
    case
        when {{ period }}.proration_numerator <> {{ period }}.proration_denominator
            then format(', %s of %s days', {{ period }}.proration_numerator, {{ period }}.proration_denominator)
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
