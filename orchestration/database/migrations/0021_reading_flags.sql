set role meterline_owner;

-- What is usual of an hour's use; absent: nothing is judged by it. max_use_per_hour is there since the registers.
alter table config.device_types add column min_use_per_hour text;
alter table config.device_types add column spike_factor text;
alter table config.device_types add column stuck_after_hours text;

-- Doubts about readings go with what they are billed in, and change no amount.
alter table store.closed_usage add column quality_flags text not null default '';
alter table store.invoice_lines add column quality_flags text not null default '';

-- Which events say something of their own quality, by each period in which they were ever billed: where a close looks,
-- instead of at all events. An event counts with the period and quality that it has then.
create table store.marked_events (
    stored_device_ts timestamptz not null,
    seq_epoch bigint not null,
    msg_seq bigint not null,
    tenant_no integer not null,
    device_no integer not null,
    period_no integer not null,
    metric_no smallint not null,
    primary key (tenant_no, period_no, device_no, metric_no, seq_epoch, msg_seq, stored_device_ts)
);
call store.make_append_only('store.marked_events');

-- Runs of hours that a close flagged.
create table store.closed_flags (
    first_hour_at timestamptz not null,
    last_hour_at timestamptz not null,
    tenant_no integer not null,
    period_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    invoice_version integer not null,
    flag text not null,
    quantity numeric(30, 10),
    limit_value numeric(30, 10),
    primary key (tenant_no, period_no, invoice_version, device_no, metric_no, flag, first_hour_at)
);
call store.make_append_only('store.closed_flags');

grant select on store.marked_events, store.closed_flags
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.marked_events, store.closed_flags to meterline_transform;

reset role;
