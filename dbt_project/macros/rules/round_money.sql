{# Decimals of a currency's minor unit (ISO 4217): two, but for these. #}
{% macro minor_unit_digits(currency_code) -%}
    case
        when {{ currency_code }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF',
            'XOF', 'XPF'
        ) then 0
        when {{ currency_code }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
        when {{ currency_code }} in ('CLF', 'UYW') then 4
        else 2
    end
{%- endmacro %}

{# To the minor unit, half away from zero: what round() does with numeric, and with nothing else. #}
{% macro round_money(amount, currency_code) -%}
    round({{ amount }}, {{ minor_unit_digits(currency_code) }})
{%- endmacro %}

{#
    The part of a full cycle's value that a clipped period bears (RULES 13). Multiplied first and divided with twenty
    decimals, so that no quotient is rounded onto a half before it is rounded to money.
#}
{% macro prorated(value, period) -%}
    (({{ value }} * {{ period }}.proration_numerator)::numeric(60, 20) / {{ period }}.proration_denominator)
{%- endmacro %}
