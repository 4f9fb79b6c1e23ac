set role meterline_owner;

create table config.calendars (
    calendar text not null, period_start_date text not null,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.calendars (row_sha256) where valid_to_load is null;
grant select on config.calendars
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.calendars to meterline_ingest;

-- A configuration under which stored events count otherwise is a load like a file, without messages of its own.
alter table ledger.loads add column config_load_id integer unique;
alter table ledger.loads alter column region drop not null;
alter table ledger.loads alter column received_date drop not null;
alter table ledger.loads add constraint files_have_a_place
check (config_load_id is not null or (region is not null and received_date is not null));
comment on column ledger.loads.config_load_id is 'Null for a file; else the configuration that this load applies.';

-- Whose stored events a configuration load derives again; null stands for all devices, or for all metrics.
create table ledger.configuration_changes (
    load_id integer not null,
    tenant_no integer not null,
    device_no integer,
    metric_no smallint,
    reason text not null,
    unique nulls not distinct (load_id, tenant_no, device_no, metric_no, reason)
);
grant select on ledger.configuration_changes
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on ledger.configuration_changes to meterline_ingest;

-- Days that were cut by another zone, or lie in a period that no contract has any more, are counted anew.
grant delete on store.usage_hours, store.usage_days to meterline_transform;

reset role;
