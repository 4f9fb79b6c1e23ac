-- A declared name fills in for a field that the row has not. Of several that could, the one declared most closely.
with candidates as (
    select
        odd.load_id,
        odd.row_number,
        mapping.to_field,
        extra.fields -> mapping.from_field as field,
        row_number() over (
            partition by odd.load_id, odd.row_number, mapping.to_field
            order by {{ closest_scope('mapping') }}, mapping.from_field collate "C"
        ) as preference
    from {{ source('raw', 'odd_messages') }} as odd
    inner join {{ ref('stg_loads') }} as loads on odd.load_id = loads.load_id
    inner join {{ source('raw', 'extra_fields') }} as extra
        on odd.load_id = extra.load_id and odd.row_number = extra.row_number
    inner join {{ ref('stg_config__field_mappings') }} as mapping
        on mapping.valid_to_load is null
        and {{ in_scope('mapping', "odd.fields -> 'tenant_id' ->> 'v'", 'loads.source_file') }}
        and nullif(extra.fields -> mapping.from_field ->> 'v', '') is not null
        and nullif(odd.fields -> mapping.to_field ->> 'v', '') is null
    where {{ is_claimed('odd.load_id') }}
)

select
    load_id,
    row_number,
    jsonb_object_agg(to_field, field) as fields
from candidates
where preference = 1
group by load_id, row_number
