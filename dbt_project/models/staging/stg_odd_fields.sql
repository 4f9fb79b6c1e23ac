-- One row per odd message with its fields side by side: type and text as delivered, under their declared names.
with renamed as (
    select
        odd.load_id,
        odd.row_number,
        odd.raw_text,
        odd.fields || coalesce(renamed.fields, '{}') as fields
    from {{ source('raw', 'odd_messages') }} as odd
    inner join {{ ref('stg_loads') }} as loads on odd.load_id = loads.load_id
    left join {{ ref('stg_renamed_fields') }} as renamed
        on odd.load_id = renamed.load_id and odd.row_number = renamed.row_number
    where {{ is_claimed('odd.load_id') }}
)

select
    load_id,
    row_number,
    fields is null as is_unparsable,
    raw_text,
    {% for field in message_fields() -%}
    nullif(fields -> '{{ field }}' ->> 'v', '') as {{ field }},
    fields -> '{{ field }}' ->> 't' as {{ field }}_type{{ ',' if not loop.last }}
    {% endfor %}
from renamed
