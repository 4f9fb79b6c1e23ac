{# Fields of a message (DESIGN section 3), required ones first, in the order in which they are judged. #}
{% macro message_fields() -%}
    {{ return(required_fields() + ['seq_epoch', 'sent_ts', 'session_id', 'unit', 'quality', 'attributes']) }}
{%- endmacro %}

{% macro required_fields() -%}
    {{ return(['tenant_id', 'device_id', 'metric', 'msg_seq', 'quantity', 'device_ts', 'received_at']) }}
{%- endmacro %}

{# The form of a row as text (RULES 20, 21): is everything there, of its type, and does the quantity fit? #}
{% macro form_reason() -%}
    case
        when is_unparsable then 'bad_type'
        {% for field in required_fields() -%}
        when {{ field }} is null then 'missing_field'
        {% endfor -%}
        when {{ bad_type_of() }} is not null then 'bad_type'
        when not {{ fits_quantity('quantity') }} then 'bad_quantity'
    end
{%- endmacro %}

{% macro form_detail() -%}
    case
        when is_unparsable then 'the row does not parse'
        {% for field in required_fields() -%}
        when {{ field }} is null then '{{ field }} is absent, null or empty'
        {% endfor -%}
        when {{ bad_type_of() }} is not null then {{ bad_type_of() }} || ' is not of its type'
        when not {{ fits_quantity('quantity') }}
            then 'quantity must be finite with at most 10 integer digits and 10 decimals'
    end
{%- endmacro %}

{# Name of the first field that is not of its type. #}
{% macro bad_type_of() -%}
    case
        {% for field in ['tenant_id', 'device_id', 'metric'] -%}
        when {{ field }}_type <> 'text' then '{{ field }}'
        {% endfor -%}
        when not {{ is_bigint('msg_seq') }} then 'msg_seq'
        when not {{ is_number('quantity') }} then 'quantity'
        when device_ts_type <> 'text' or raw.instant_of(device_ts) is null then 'device_ts'
        when received_at_type <> 'text' or raw.instant_of(received_at) is null then 'received_at'
        when seq_epoch is not null and not {{ is_bigint('seq_epoch') }} then 'seq_epoch'
        when sent_ts is not null and (sent_ts_type <> 'text' or raw.instant_of(sent_ts) is null) then 'sent_ts'
        {% for field in ['session_id', 'unit', 'quality'] -%}
        when {{ field }} is not null and {{ field }}_type <> 'text' then '{{ field }}'
        {% endfor -%}
        when attributes is not null and attributes_type <> 'object' then 'attributes'
    end
{%- endmacro %}

{# A whole number by value: a column that was partly empty comes as floats, exact up to 2^53. #}
{% macro is_bigint(field) -%}
    coalesce(
        case
            when {{ field }}_type = 'float' then case
                when {{ field }} ~ '^[+-]?[0-9]{1,16}(\.0*)?$' then abs({{ field }}::numeric) <= 9007199254740992
            end
            when {{ field }}_type = 'number' then case
                when {{ field }} ~ '^[+-]?[0-9]{1,19}(\.0*)?$'
                    then {{ field }}::numeric between -9223372036854775808 and 9223372036854775807
            end
            when {{ field }}_type = 'text' then case
                when {{ field }} ~ '^[+-]?[0-9]{1,19}$'
                    then {{ field }}::numeric between -9223372036854775808 and 9223372036854775807
            end
        end,
        false
    )
{%- endmacro %}

{# NaN and infinity are numbers that no invoice can carry; anything else that is no decimal number is of a wrong type. #}
{% macro is_number(field) -%}
    ({{ field }}_type in ('text', 'number') and (
        {{ field }} ~ '^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$'
        or {{ field }} ~* '^[+-]?(nan|inf|infinity)$'))
{%- endmacro %}

{# By value: exactly what numeric(20,10) holds. Exponents from 1000 on cannot fit unless the number is 0. #}
{% macro fits_quantity(field) -%}
    case
        when {{ field }} ~* '(nan|inf)' then false
        when {{ field }} ~ '^[+-]?[0.]*([eE][+-]?[0-9]+)?$' then true
        when {{ field }} ~ '[eE][+-]?0*[1-9][0-9]{3,}$' or length({{ field }}) > 1000 then false
        else abs({{ field }}::numeric) < 10000000000 and {{ field }}::numeric = round({{ field }}::numeric, 10)
    end
{%- endmacro %}

{# A zero keeps its value whatever its exponent says. #}
{% macro quantity_of(field) -%}
    case when {{ field }} ~ '^[+-]?[0.]*([eE][+-]?[0-9]+)?$' then 0 else {{ field }}::numeric end::numeric(20, 10)
{%- endmacro %}
