set role meterline_owner;

-- What sources call their fields, in which units and zones they write.
create table config.field_mappings (
    from_field text not null, to_field text, tenant_id text, path_pattern text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create table config.unit_conversions (
    metric text not null, unit text, factor text, offset_quantity text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create table config.sources (
    path_pattern text, tenant_id text, time_zone text not null,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.field_mappings (row_sha256) where valid_to_load is null;
create index on config.unit_conversions (row_sha256) where valid_to_load is null;
create index on config.sources (row_sha256) where valid_to_load is null;
grant select on config.field_mappings, config.unit_conversions, config.sources
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.field_mappings, config.unit_conversions, config.sources to meterline_ingest;

-- Fields that the platform does not know, of the rows that have any: beside the slim rows, which stay slim.
create table raw.extra_fields (
    load_id integer not null,
    row_number integer not null,
    fields jsonb not null,
    primary key (load_id, row_number)
);
comment on column raw.extra_fields.fields is
'Field name as delivered to {"t": type, "v": text}, as in raw.odd_messages; of a CloudEvent''s envelope with "ce-" before it.';
grant select on raw.extra_fields to meterline_ingest, meterline_transform, meterline_auditor;
grant insert on raw.extra_fields to meterline_ingest;

-- Text to local time: null where the text has a zone or is no time.
create function raw.local_time_of(value text) returns timestamp
language plpgsql immutable strict as $$
begin
    if value !~* '^\d{4}-\d{2}-\d{2}[t ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$' then
        return null;
    end if;
    return value::timestamp;
exception when others then
    return null;
end
$$;
grant execute on function raw.local_time_of to meterline_transform;

reset role;
