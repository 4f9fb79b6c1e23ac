-- One row per odd message with its fields side by side: type and text as delivered.
select
    odd.load_id,
    odd.row_number,
    odd.fields is null as is_unparsable,
    odd.raw_text,
    {% for field in message_fields() -%}
    nullif(odd.fields -> '{{ field }}' ->> 'v', '') as {{ field }},
    odd.fields -> '{{ field }}' ->> 't' as {{ field }}_type{{ ',' if not loop.last }}
    {% endfor %}
from {{ source('raw', 'odd_messages') }} as odd
inner join {{ ref('stg_loads') }} as loads on odd.load_id = loads.load_id
