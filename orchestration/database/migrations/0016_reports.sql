set role meterline_owner;

-- Valid messages by tenant and UTC hour of receipt: counts grow by marked deltas, repeats are counted again where an
-- identity has a new arrival.
create table store.received_hours (
    hour_start_at timestamptz not null,
    received_date date not null,
    tenant_no integer not null,
    message_count bigint not null,
    duplicate_count bigint not null,
    primary key (tenant_no, hour_start_at)
) with (fillfactor = 90);
create index on store.received_hours (received_date);
create index on store.repeats (tenant_no, received_at);

-- When a device was heard: the one thing that a silent device and one that sends zeros differ in.
create table store.device_receipts (
    first_received_at timestamptz not null,
    last_received_at timestamptz not null,
    tenant_no integer not null,
    device_no integer not null,
    primary key (tenant_no, device_no)
) with (fillfactor = 80);

grant select on store.received_hours, store.device_receipts
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on store.received_hours, store.device_receipts to meterline_transform;

-- The clock reports read what is odd, never all that was received.
create index on store.session_evidence (received_day);
create index on store.events (tenant_no, event_at) where timestamp_source <> 'd';
create index on store.event_restatements (tenant_no, event_at) where timestamp_source <> 'd';
create index on store.events (((received_at at time zone 'UTC')::date))
where timestamp_source <> 'd' or is_skew_candidate;
create index on store.event_restatements (((received_at at time zone 'UTC')::date))
where timestamp_source <> 'd' or is_skew_candidate;

-- Which meter measures a whole property, and by how much its sub-meters may differ from it.
alter table config.devices add column if not exists meter_role text;
create table config.properties (
    property_id text not null, name text, tolerance_percent text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.properties (row_sha256) where valid_to_load is null;
grant select on config.properties
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.properties to meterline_ingest;

reset role;
