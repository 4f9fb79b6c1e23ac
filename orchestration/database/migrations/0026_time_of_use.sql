set role meterline_owner;

-- What a charge is divided into by the local clock, and how; absent: nothing.
alter table config.rate_cards add column if not exists schedule text;
alter table config.rate_cards add column if not exists tier_meaning text;
alter table config.rate_cards add column if not exists demand_minutes text;
alter table config.rate_cards add column if not exists "window" text;
alter table config.rate_cards add column if not exists net_metric text;
alter table config.rate_cards add column if not exists ratchet_percent text;
alter table config.rate_cards add column if not exists ratchet_periods text;
alter table config.rate_cards add column if not exists ratchet_months text;

alter table config.rate_card_terms add column if not exists annual_minimum_amount text;

create table config.time_of_use (
    schedule text not null, sequence text, part text, season_start text, season_end text, days text, starts_time text,
    ends_time text, calendar text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.time_of_use (row_sha256) where valid_to_load is null;
create table config.holidays (
    calendar text not null, holiday_date text, name text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.holidays (row_sha256) where valid_to_load is null;
grant select on config.time_of_use, config.holidays
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.time_of_use, config.holidays to meterline_ingest;

-- What a close priced of charges that ask when use was; all there is of it once the events of a period are folded, and
-- what a ratchet of demand looks back at.
create table store.closed_intervals (
    window_start_at timestamptz not null,
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    charge_no integer not null,
    demand_minutes smallint,
    metric text not null,
    part text not null,
    quantity_before numeric(30, 10) not null,
    quantity numeric(30, 10) not null,
    estimated_quantity numeric(30, 10) not null,
    measured_quantity numeric(30, 10) not null,
    primary key (tenant_no, period_no, invoice_version, charge_no, part, window_start_at, quantity_before)
);
call store.make_append_only('store.closed_intervals');
grant select on store.closed_intervals
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.closed_intervals to meterline_transform;

reset role;
