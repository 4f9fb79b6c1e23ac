-- For people to look at, so with the care of quarantine: of what looks like a hardware identifier the last characters.
select
    extra.load_id,
    extra.row_number,
    (
        select jsonb_object_agg(field.name, {{ masked_raw("field.value ->> 'v'", "field.value ->> 'v'") }})
        from jsonb_each(extra.fields) as field (name, value)
    ) as fields
from {{ source('raw', 'extra_fields') }} as extra
