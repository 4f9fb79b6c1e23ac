set role meterline_owner;

-- How a contract fills hours without a reading; absent: not at all.
alter table config.contracts add column estimation text;
alter table config.contracts add column load_profile text;
alter table config.device_types add column if not exists expected_interval_seconds text;

create table config.load_profiles (
    load_profile text not null, day_type text, local_hour text, weight text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.load_profiles (row_sha256) where valid_to_load is null;
grant select on config.load_profiles
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.load_profiles to meterline_ingest;

-- A device of which all hours were estimated has no event that could be first or last.
alter table store.closed_usage alter column first_event_at drop not null;
alter table store.closed_usage alter column last_event_at drop not null;

alter table store.invoice_lines add column estimated_quantity numeric(30, 10) not null default 0;
comment on column store.invoice_lines.estimated_quantity is 'Part of what the charge measured that is estimated.';

-- What a close billed for hours without a reading, hour by hour.
create table store.closed_estimates (
    bucket_start_at timestamptz not null,
    tenant_no integer not null,
    period_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    invoice_version integer not null,
    method text not null,
    quantity numeric(20, 10) not null,
    primary key (tenant_no, period_no, invoice_version, device_no, metric_no, bucket_start_at)
);
call store.make_append_only('store.closed_estimates');
grant select on store.closed_estimates
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.closed_estimates to meterline_transform;

reset role;
