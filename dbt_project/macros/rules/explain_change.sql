{# An amount of money with its sign, as in a sentence. #}
{% macro signed_words(amount, currency_code) -%}
    case when {{ amount }} < 0 then '-' else '+' end
    || {{ price_words('abs(' ~ round_money(amount, currency_code) ~ ')') }}
{%- endmacro %}

{# Which rows of the bridge a sum is of; those of a component follow each other. #}
{% macro changes_words(first_no, last_no) -%}
    case
        when {{ first_no }} = {{ last_no }} then '(change ' || {{ first_no }}::text
        else '(changes ' || {{ first_no }}::text || ' to ' || {{ last_no }}::text
    end || ')'
{%- endmacro %}

{# Names with their amounts and the rows behind them, those that are not zero; null where all are. #}
{% macro told_amounts(told, names) -%}
    nullif(concat_ws(
        ', ' {%- for name, words in names.items() %},
        case
            when {{ told }}.{{ name }}_amount <> 0
                then '{{ words }} ' || {{ signed_words(told ~ '.' ~ name ~ '_amount', told ~ '.currency_code') }}
                    || ' ' || {{ changes_words(told ~ '.' ~ name ~ '_first_no', told ~ '.' ~ name ~ '_last_no') }}
        end
        {%- endfor %}
    ), '')
{%- endmacro %}

{#
    Version 2 of the words: at most five sentences, every amount one of finance.invoice_change_summaries, with the numbers
    of the rows of finance.invoice_changes that it is the sum of.
#}
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
