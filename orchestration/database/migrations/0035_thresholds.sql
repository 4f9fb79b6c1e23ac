set role meterline_owner;

-- Use that somebody wants to hear of: of a tenant, or of one of his devices, in a billing period.
create table config.budgets (
    budget_id text not null, tenant_id text not null, device_id text, metric text not null, quantity text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.budgets (row_sha256) where valid_to_load is null;
grant select on config.budgets
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.budgets to meterline_ingest;

-- What use of an open period changes its price at, as its last preview found it; each preview replaces those of its
-- periods.
create table store.thresholds (
    tenant_no integer not null,
    period_no integer not null,
    metric_no smallint not null,
    kind text not null check (kind in ('included', 'tier')),
    charge text not null,
    threshold_quantity numeric(30, 10) not null,
    rate_card_id text not null,
    rate_card_version integer not null,
    close_id integer not null references ledger.close_requests,
    primary key (tenant_no, period_no, metric_no, kind, charge, threshold_quantity)
);
grant select, insert, delete on store.thresholds to meterline_transform;
grant select on store.thresholds to meterline_finance, meterline_auditor;

-- That use passed a threshold: once each, whatever comes later. `name` is the charge, or the budget; a device is 0
-- where it is the use of the tenant.
create table store.threshold_events (
    threshold_event_no bigint generated always as identity primary key,
    tenant_no integer not null,
    period_no integer not null,
    metric_no smallint not null,
    device_no integer not null default 0,
    kind text not null check (kind in ('included', 'tier', 'budget')),
    name text not null,
    threshold_quantity numeric(30, 10) not null,
    quantity numeric(30, 10) not null,
    last_event_at timestamptz not null,
    load_id integer not null,
    recorded_at timestamptz not null default clock_timestamp(),
    unique (tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity)
);
call store.make_append_only('store.threshold_events');
grant select, insert on store.threshold_events to meterline_transform;
grant select on store.threshold_events to meterline_finance, meterline_auditor;

-- Which of them were told to METERLINE_ALERTS.
create table store.threshold_notices (
    threshold_event_no bigint primary key references store.threshold_events,
    told_at timestamptz not null default clock_timestamp()
);
call store.make_append_only('store.threshold_notices');
grant select, insert on store.threshold_notices to meterline_transform;
grant select on store.threshold_notices to meterline_finance, meterline_auditor;

reset role;
