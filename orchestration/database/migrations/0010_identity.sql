-- What is folded is what the rules see: the owner's function below reads it from the models.
grant usage on schema metering to meterline_owner;
alter default privileges for role meterline_transform in schema metering grant select on tables to meterline_owner;
do $$
begin
    execute 'grant select on all tables in schema metering to meterline_owner';
end
$$;

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

-- Months whose events were folded into the ledger of seen sequences and taken out of the event store.
create table store.folds (
    fold_no integer generated always as identity primary key,
    month_start_at timestamptz not null,
    month_end_at timestamptz not null,
    decided_by text not null check (decided_by <> ''),
    reason text not null check (reason <> ''),
    archived_as text not null,
    folded_at timestamptz not null default clock_timestamp()
);

-- Sequence numbers of folded events as ranges, with the stretch of measurement times for which they are taken: without
-- end where a number never comes again.
create table store.seen_sequences (
    first_seq bigint not null,
    last_seq bigint not null,
    seq_epoch bigint not null,
    first_device_ts timestamptz not null,
    last_device_ts timestamptz not null,
    tenant_no integer not null,
    device_no integer not null,
    fold_no integer not null references store.folds,
    metric_no smallint not null,
    primary key (tenant_no, device_no, metric_no, seq_epoch, first_seq, last_seq, first_device_ts, fold_no)
);

-- What became of the messages of a load whose events were folded, so that every message stays accounted for.
create table store.folded_loads (
    fold_no integer not null references store.folds,
    load_id integer not null,
    stored_count bigint not null,
    late_not_billed_count bigint not null,
    quarantined_count bigint not null,
    primary key (load_id, fold_no)
);

-- Periods whose use can be counted again from events only together with what was folded.
create table store.folded_periods (
    tenant_no integer not null,
    period_no integer not null,
    fold_no integer not null references store.folds,
    primary key (tenant_no, period_no, fold_no)
);

-- Repeats that contradicted a folded event: with the event its quantity is gone, the verdict is not.
create table store.folded_conflicts (
    load_id integer not null,
    row_number integer not null,
    fold_no integer not null references store.folds,
    primary key (load_id, row_number)
);

-- When the folded events were received, so that the messages of every hour stay accounted for.
create table store.folded_hours (
    hour_start_at timestamptz not null,
    message_count bigint not null,
    tenant_no integer not null,
    fold_no integer not null references store.folds,
    primary key (tenant_no, hour_start_at, fold_no)
);

call store.make_append_only('store.folds');
call store.make_append_only('store.seen_sequences');
call store.make_append_only('store.folded_loads');
call store.make_append_only('store.folded_periods');
call store.make_append_only('store.folded_conflicts');
call store.make_append_only('store.folded_hours');

-- Takes a month (UTC, by measurement time) out of the event store: its identities go into the ledger, so that a repetition
-- is still known for one, its partition is detached under a name of its own, the act is audited; all of it or nothing.
create function store.fold_month(month_start date, decided_by_name text, decided_reason text) returns bigint
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    month_name text := to_char(month_start, 'YYYYMM');
    partition_name text := 'events_' || month_name;
    archive_name text;
    fold integer;
    folded_count bigint;
    waiting text;
begin
    if month_start is distinct from date_trunc('month', month_start)::date or to_regclass('store.' || partition_name) is null then
        raise exception 'the event store has no month %', month_start
            using hint = 'Give the first day of a month that holds events.';
    end if;
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise exception 'another run is metering or closing (lock meterline.process)'
            using hint = 'Wait for it or stop it.';
    end if;
    if exists (select from ledger.loads where status in ('landed', 'accepted', 'claimed')) then
        raise exception 'loads are waiting to be metered, and may know of events of the month'
            using hint = 'Run meterline process first.';
    end if;
    lock table store.events in access exclusive mode;

    select 'archived_' || partition_name || case when count(*) > 0 then '_' || (count(*) + 1)::text else '' end
    into archive_name
    from store.folds as done
    where done.month_start_at = month_start::timestamp at time zone 'UTC';

    insert into store.folds (month_start_at, month_end_at, decided_by, reason, archived_as)
    values (
        month_start::timestamp at time zone 'UTC',
        (month_start + interval '1 month')::timestamp at time zone 'UTC',
        decided_by_name, decided_reason, archive_name
    )
    returning fold_no into fold;

    select format('period %s of tenant %s', period.period_start_date, period.tenant_no) into waiting
    from store.periods as period
    where
        period.period_no in (select event.period_no from metering.int_month_to_fold as event)
        and not exists (
            select from store.period_closes as closed
            where closed.tenant_no = period.tenant_no and closed.period_no = period.period_no
        )
    order by period.period_start_date, period.tenant_no
    limit 1;
    if waiting is not null then
        raise exception '% holds events of % and is not closed', waiting, month_start
            using hint = 'Close the period first.';
    end if;

    select format('metric %s of tenant %s', registered.metric, event.tenant_no) into waiting
    from metering.int_month_to_fold as event
    inner join registry.metrics as registered on event.metric_no = registered.metric_no
    where event.is_register
    limit 1;
    if waiting is not null then
        raise exception '% is a register, whose later use is proven from its readings of %', waiting, month_start
            using hint = 'Keep the month in the event store.';
    end if;

    -- Before the ledger knows the numbers: then their repeats have no event any more.
    insert into store.folded_conflicts (fold_no, load_id, row_number)
    select fold, repeated.load_id, repeated.row_number
    from metering.int_month_to_fold as event
    inner join metering.int_repeat_state as repeated
        using (tenant_no, device_no, metric_no, seq_epoch, msg_seq, stored_device_ts)
    where repeated.is_conflict;

    insert into store.seen_sequences (
        fold_no, tenant_no, device_no, metric_no, seq_epoch, first_seq, last_seq, first_device_ts, last_device_ts
    )
    select
        fold, tenant_no, device_no, metric_no, seq_epoch, first_seq, last_seq, first_device_ts, last_device_ts
    from metering.int_sequence_ranges;

    insert into store.folded_loads (fold_no, load_id, stored_count, late_not_billed_count, quarantined_count)
    select
        fold, load_id, count(*) filter (where disposition not in ('n', 'x')), count(*) filter (where disposition = 'n'),
        count(*) filter (where disposition = 'x')
    from metering.int_month_to_fold
    group by load_id;

    insert into store.folded_hours (fold_no, tenant_no, hour_start_at, message_count)
    select
        fold, tenant_no, date_bin(interval '1 hour', received_at, timestamptz '2000-01-01 00:00:00+00') as hour_start_at,
        count(*)
    from metering.int_month_to_fold
    group by tenant_no, hour_start_at;

    insert into store.folded_periods (fold_no, tenant_no, period_no)
    select distinct fold, tenant_no, period_no from metering.int_month_to_fold where period_no > 0;

    select sum(stored_count + late_not_billed_count + quarantined_count) into folded_count
    from store.folded_loads where fold_no = fold;

    execute format('alter table store.events detach partition store.%I', partition_name);
    execute format('alter table store.%I rename to %I', partition_name, archive_name);
    perform audit.append(
        'retention', 'month_folded', jsonb_build_object(
            'fold_no', fold, 'month', month_name, 'event_count', folded_count, 'archived_as', archive_name,
            'decided_by', decided_by_name, 'reason', decided_reason
        )::text
    );
    return folded_count;
end
$$;
revoke execute on function store.fold_month from public;
grant execute on function store.fold_month to meterline_approver;

grant select on store.sequence_runs, store.folds, store.seen_sequences, store.folded_loads, store.folded_periods,
store.folded_conflicts, store.folded_hours
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.sequence_runs to meterline_transform;

reset role;
