set role meterline_owner;

-- Parts of a property, who pays for what they use, and how what no sub-meter counts is shared.
alter table config.devices add column if not exists unit_id text;
create table config.units (
    property_id text not null, unit_id text, floor_area text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create table config.occupancies (
    occupancy_id text not null, tenant_id text, property_id text, unit_id text, starts_at text, ends_at text,
    occupants text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create table config.allocations (
    property_id text not null, metric text, method text, charged_metric text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.units (row_sha256) where valid_to_load is null;
create index on config.occupancies (row_sha256) where valid_to_load is null;
create index on config.allocations (row_sha256) where valid_to_load is null;
grant select on config.units, config.occupancies, config.allocations
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.units, config.occupancies, config.allocations to meterline_ingest;

-- Who paid for what of a sub-metered property, by the close that billed it.
create table store.closed_unit_usage (
    tenant_no integer not null,
    period_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    invoice_version integer not null,
    property_id text not null,
    unit_id text not null,
    occupancy_id text not null,
    source text not null check (source in ('sub_meter', 'common')),
    event_count bigint not null,
    quantity numeric(30, 10) not null,
    estimated_quantity numeric(30, 10) not null,
    primary key (
        tenant_no, period_no, invoice_version, device_no, metric_no, property_id, unit_id, occupancy_id, source
    )
);
comment on table store.closed_unit_usage is
'Empty occupancy: what stays with the landlord. Empty unit: common use that was given to nobody.';
call store.make_append_only('store.closed_unit_usage');
grant select on store.closed_unit_usage
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.closed_unit_usage to meterline_transform;

-- Bills of occupants are proven from the readings of their landlord's meters, in whose periods those lie.
create function store.keep_shared_readings() returns trigger
language plpgsql set search_path = pg_catalog, store as $$
begin
    if exists (
        select from config.devices as device
        inner join registry.tenants as tenant using (tenant_id)
        where tenant.tenant_no = new.tenant_no and (
            device.unit_id is not null
            or (device.meter_role is not null and device.property_id in (select property_id from config.allocations))
        )
    ) then
        raise exception 'tenant % has meters of units, from whose readings the bills of occupants are proven', new.tenant_no
            using hint = 'Keep the month in the event store.';
    end if;
    return new;
end
$$;
create trigger keep_shared_readings before insert on store.folded_periods
for each row execute function store.keep_shared_readings();

reset role;
