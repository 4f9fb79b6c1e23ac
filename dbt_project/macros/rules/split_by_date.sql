{# Prices that change within a period, each for its own part of it (RULES 16). Dates are local, the last one excluded. #}

{# Whether a charge prices a part of its period only. #}
{% macro is_part(price) -%}
    coalesce({{ price }}.priced_from_date, {{ price }}.priced_until_date) is not null
{%- endmacro %}

{# Whether an instant lies in the part that a charge prices; what was before or after the period is in the first or last. #}
{% macro is_in_part(instant, charge) -%}
    ({{ charge }}.priced_from_at is null or {{ instant }} >= {{ charge }}.priced_from_at)
    and ({{ charge }}.priced_until_at is null or {{ instant }} < {{ charge }}.priced_until_at)
{%- endmacro %}

{# Whether an instant, or null, is none of those at which slots of so many minutes begin. #}
{% macro is_within_slot(instant, minutes) -%}
    extract(epoch from {{ instant }})::bigint % ({{ minutes }} * 60) <> 0
{%- endmacro %}

{# Seconds from the period's start until a local midnight. #}
{% macro seconds_until(date, period) -%}
    extract(epoch from {{ local_midnight(date, period ~ '.time_zone') }} - {{ period }}.period_start_at)::integer
{%- endmacro %}

{# The days that a charge prices, in words: 1-15 March. Empty for the whole period. #}
{% macro dates_words(charge) -%}
    case
        when {{ charge }}.first_date is null then ''
        when {{ charge }}.first_date = {{ charge }}.last_date then ', ' || {{ day_words(charge ~ '.last_date') }}
        when date_trunc('month', {{ charge }}.first_date) = date_trunc('month', {{ charge }}.last_date)
            then ', ' || to_char({{ charge }}.first_date, 'FMDD') || '-' || {{ day_words(charge ~ '.last_date') }}
        else ', ' || {{ day_words(charge ~ '.first_date') }} || ' - ' || {{ day_words(charge ~ '.last_date') }}
    end
{%- endmacro %}

{% macro day_words(date) -%} to_char({{ date }}, 'FMDD FMMonth') {%- endmacro %}
