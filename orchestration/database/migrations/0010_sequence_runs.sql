set role meterline_owner;

-- The first reading of a run of sequence numbers (RULES 8): the least device_ts that was given, and where the next is
-- more than the window away from it, the next. One state per arrival in the order of device_ts; no window, one run.
create function store.later_run_start(started_at timestamptz, device_ts timestamptz, reuse_window interval)
returns timestamptz language sql immutable parallel safe as $$
    select case when started_at is null or device_ts > started_at + reuse_window then device_ts else started_at end
$$;

create aggregate store.run_start(timestamptz, interval) (
    sfunc = store.later_run_start, stype = timestamptz, parallel = safe
);

-- Where the runs of an identity begin that has more than one: of each stored event the row with the highest version.
-- Identities of one run have no rows here.
create table store.sequence_runs (
    msg_seq bigint not null,
    seq_epoch bigint not null,
    stored_device_ts timestamptz not null,
    run_started_at timestamptz not null,
    tenant_no integer not null,
    device_no integer not null,
    version integer not null,
    cause_load_id integer not null,
    metric_no smallint not null,
    primary key (tenant_no, device_no, metric_no, seq_epoch, msg_seq, stored_device_ts, version)
);
call store.make_append_only('store.sequence_runs');

grant select on store.sequence_runs
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.sequence_runs to meterline_transform;

reset role;
