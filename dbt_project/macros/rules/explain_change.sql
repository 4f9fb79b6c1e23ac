{# An amount of money with its sign, as in a sentence. #}
{% macro signed_words(amount, currency_code) -%}
    case when {{ amount }} < 0 then '-' else '+' end
    || {{ price_words('abs(' ~ round_money(amount, currency_code) ~ ')') }}
{%- endmacro %}

{# Names with their amounts, those that are not zero; null where all are. #}
{% macro told_amounts(told, names) -%}
    nullif(concat_ws(
        ', ' {%- for name, words in names.items() %},
        case
            when {{ told }}.{{ name }}_amount <> 0
                then '{{ words }} ' || {{ signed_words(told ~ '.' ~ name ~ '_amount', told ~ '.currency_code') }}
        end
        {%- endfor %}
    ), '')
{%- endmacro %}

{# Version 1 of the words: at most five sentences, every number one of finance.invoice_change_summaries. #}
{% macro change_words(told) -%}
    concat_ws(
        ' ',
        format(
            '%s is %s %s %s than %s (%s after %s).', {{ told }}.invoice_id, {{ told }}.currency_code,
            {{ price_words('abs(' ~ round_money(
                told ~ '.total_amount - ' ~ told ~ '.previous_total_amount', told ~ '.currency_code'
            ) ~ ')') }},
            case when {{ told }}.total_amount < {{ told }}.previous_total_amount then 'less' else 'more' end,
            {{ told }}.previous_invoice_id,
            {{ price_words(round_money(told ~ '.total_amount', told ~ '.currency_code')) }},
            {{ price_words(round_money(told ~ '.previous_total_amount', told ~ '.currency_code')) }}
        ),
        'Use: ' || {{ told_amounts(told, {
            'volume': 'more or less of it', 'mix': 'where and when', 'tier_crossing': 'other tiers',
            'new_devices': 'new devices', 'removed_devices': 'devices that are gone', 'estimated': 'estimates',
        }) }} || '.',
        'Price: ' || {{ told_amounts(told, {'price': 'prices and terms'}) }} || '.',
        'Time: ' || {{ told_amounts(told, {'days': 'days in the period'}) }} || '.',
        'Besides: ' || {{ told_amounts(told, {
            'adjustment': 'approved adjustments', 'tax': 'tax', 'rounding': 'rounding', 'credits': 'prepaid credits'
        }) }} || '.'
    )
{%- endmacro %}
