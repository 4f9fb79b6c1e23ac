set role meterline_owner;

-- How long what is kept of a contract: days, empty for without end, 0 for not at all.
create table config.retention_classes (
    retention_class text not null, raw_days text, event_days text, minute_days text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.retention_classes (row_sha256) where valid_to_load is null;
grant select on config.retention_classes
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.retention_classes to meterline_ingest;
alter table config.contracts add column retention_class text;

-- Files of archived months: written, read back and compared with the store before the month leaves it.
create table ledger.archived_files (
    file_no integer generated always as identity primary key,
    fold_no integer not null references store.folds,
    tenant_no integer not null,
    kind text not null check (kind in ('events', 'minutes')),
    region text not null,
    path text not null unique,
    row_count bigint not null,
    byte_count bigint not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    quantity_sum numeric not null,
    first_event_at timestamptz not null,
    last_event_at timestamptz not null,
    first_received_at timestamptz not null,
    last_received_at timestamptz not null,
    kept_from timestamptz not null,
    unique (fold_no, tenant_no, kind)
);
comment on column ledger.archived_files.path is 'Below METERLINE_ARCHIVE.';
comment on column ledger.archived_files.kept_from is
'The last receipt, or end of a period billed in, of any event in it: from here on the days of its class count.';
call store.make_append_only('ledger.archived_files');

-- Use by minute of months that left the event store, of contracts whose class keeps minutes. Buckets of one minute that
-- left in several months add up as events do.
create table store.usage_minutes (
    bucket_start_at timestamptz not null,
    last_event_at timestamptz not null,
    tenant_no integer not null,
    device_no integer not null,
    period_no integer not null,
    fold_no integer not null references store.folds,
    event_count integer not null,
    metric_no smallint not null,
    quantity numeric(30, 10) not null,
    primary key (fold_no, tenant_no, device_no, metric_no, bucket_start_at, period_no)
);
grant select on ledger.archived_files, store.usage_minutes
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;

-- A month is folded whole or not at all: what was begun must have left the store when the transaction ends.
create function store.refuse_half_a_fold() returns trigger language plpgsql as $$
begin
    if to_regclass('store.events_' || to_char(new.month_start_at at time zone 'UTC', 'YYYYMM')) is not null then
        raise 'the fold of % was begun and not ended', new.month_start_at using errcode = 'object_not_in_prerequisite_state';
    end if;
    return null;
end
$$;
create constraint trigger whole after insert on store.folds deferrable initially deferred
for each row execute function store.refuse_half_a_fold();

-- Whether a month may leave the event store, and from when on int_month_to_fold shows it. Holds the lock of metering and
-- closing until the transaction ends, so that what is read of the month is what leaves.
create function store.begin_fold(month_start date, decided_by_name text, decided_reason text) returns integer
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    partition_name text := 'events_' || to_char(month_start, 'YYYYMM');
    archive_name text;
    fold integer;
    waiting text;
begin
    if month_start is distinct from date_trunc('month', month_start)::date or to_regclass('store.' || partition_name) is null then
        raise exception 'the event store has no month %', month_start
            using errcode = 'object_not_in_prerequisite_state', hint = 'Give the first day of a month that holds events.';
    end if;
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise exception 'another run is metering or closing (lock meterline.process)'
            using errcode = 'lock_not_available', hint = 'Wait for it or stop it.';
    end if;
    if exists (select from ledger.loads where status in ('landed', 'accepted', 'claimed')) then
        raise exception 'loads are waiting to be metered, and may know of events of the month'
            using errcode = 'object_not_in_prerequisite_state', hint = 'Run meterline process first.';
    end if;
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
            using errcode = 'object_not_in_prerequisite_state', hint = 'Close the period first.';
    end if;

    select format('metric %s of tenant %s', registered.metric, event.tenant_no) into waiting
    from metering.int_month_to_fold as event
    inner join registry.metrics as registered on event.metric_no = registered.metric_no
    where event.is_register
    limit 1;
    if waiting is not null then
        raise exception '% is a register, whose later use is proven from its readings of %', waiting, month_start
            using errcode = 'object_not_in_prerequisite_state', hint = 'Keep the month in the event store.';
    end if;

    select format('metric %s of tenant %s', registered.metric, level.tenant_no) into waiting
    from metering.int_standing_levels as level
    inner join registry.metrics as registered on level.metric_no = registered.metric_no
    order by level.tenant_no, registered.metric collate "C"
    limit 1;
    if waiting is not null then
        raise exception '% is billed by time, and an open period begins with its level of %', waiting, month_start
            using errcode = 'object_not_in_prerequisite_state',
            hint = 'Keep the month until a later reading of each device came and the periods before it are closed.';
    end if;

    -- What was folded before is not reconciled any more.
    select format('late use of period %s of tenant %s waits for a %s', period.period_start_date, late.tenant_no, late.waits_for)
    into waiting
    from governance.int_undecided_late_use as late
    inner join store.periods as period on late.period_no = period.period_no
    where
        late.period_no in (select event.period_no from metering.int_month_to_fold as event)
        and not exists (
            select from store.folded_periods as folded
            where folded.tenant_no = late.tenant_no and folded.period_no = late.period_no
        )
    order by period.period_start_date, late.tenant_no
    limit 1;
    if waiting is not null then
        raise exception '%, and nobody proposes it once % has left', waiting, month_start
            using errcode = 'object_not_in_prerequisite_state',
            hint = 'Run meterline reconcile, then decide about its proposals.';
    end if;

    return fold;
end
$$;

-- Its identities go into the ledger, so that a repetition is still known for one; its partition is detached under a name
-- of its own. Returns how many events left.
create function store.end_fold(fold integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    partition_name text;
    archive_name text;
    folded_count bigint;
begin
    select 'events_' || to_char(month_start_at at time zone 'UTC', 'YYYYMM'), archived_as into partition_name, archive_name
    from store.folds where fold_no = fold;

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

    select coalesce(sum(stored_count + late_not_billed_count + quarantined_count), 0) into folded_count
    from store.folded_loads where fold_no = fold;

    -- Who meters has waited since the fold was begun; who reads waits from here on.
    lock table store.events in access exclusive mode;
    execute format('alter table store.events detach partition store.%I', partition_name);
    execute format('alter table store.%I rename to %I', partition_name, archive_name);
    return folded_count;
end
$$;

-- Takes a month (UTC, by measurement time) out of the event store and leaves its partition, detached, in the database.
create or replace function store.fold_month(month_start date, decided_by_name text, decided_reason text) returns bigint
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    fold integer := store.begin_fold(month_start, decided_by_name, decided_reason);
    folded_count bigint := store.end_fold(fold);
begin
    perform audit.append(
        'retention', 'month_folded', jsonb_build_object(
            'fold_no', fold, 'month', to_char(month_start, 'YYYYMM'), 'event_count', folded_count,
            'archived_as', (select archived_as from store.folds where fold_no = fold),
            'decided_by', decided_by_name, 'reason', decided_reason
        )::text
    );
    return folded_count;
end
$$;

-- Begins to archive a month; in the same transaction its files are written, and finish_archive ends it.
create function store.begin_archive(month_start date, decided_by_name text, decided_reason text) returns integer
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    fold integer := store.begin_fold(month_start, decided_by_name, decided_reason);
begin
    insert into store.usage_minutes (
        fold_no, tenant_no, device_no, metric_no, period_no, bucket_start_at, quantity, event_count, last_event_at
    )
    select
        fold, tenant_no, device_no, metric_no, period_no, bucket_start_at, quantity, event_count, last_event_at
    from metering.int_minutes_to_fold;
    return fold;
end
$$;

-- Records the files of an archived month and takes it out of the store, its space with it. `files` is what was read back
-- from them; where it is not all that the store has of the month, nothing happens.
create function store.finish_archive(fold integer, files jsonb) returns text
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    different record;
    digest text;
    folded_count bigint;
    month store.folds;
begin
    select * into strict month from store.folds where fold_no = fold;
    insert into ledger.archived_files (
        fold_no, tenant_no, kind, region, path, row_count, byte_count, sha256, quantity_sum, first_event_at,
        last_event_at, first_received_at, last_received_at, kept_from
    )
    select
        fold, tenant.tenant_no, file.kind, file.region, file.path, file.row_count, file.byte_count, file.sha256,
        file.quantity_sum, file.first_event_at, file.last_event_at, kept.first_received_at,
        kept.last_received_at, kept.kept_from
    from jsonb_to_recordset(files) as file (
        tenant_id text, kind text, region text, path text, row_count bigint, byte_count bigint, sha256 text,
        quantity_sum numeric, first_event_at timestamptz, last_event_at timestamptz
    )
    inner join registry.tenants as tenant using (tenant_id)
    inner join (
        select
            event.tenant_no, min(event.received_at) as first_received_at, max(event.received_at) as last_received_at,
            greatest(max(event.received_at), max(event.event_at), max(period.period_end_at)) as kept_from
        from metering.int_month_to_fold as event
        left join store.periods as period on event.period_no = period.period_no
        group by event.tenant_no
    ) as kept on tenant.tenant_no = kept.tenant_no;

    select coalesce(stored.tenant_no, filed.tenant_no) as tenant_no, coalesce(stored.kind, filed.kind) as kind
    into different
    from (
        select tenant_no, 'events' as kind, count(*) as row_count, sum(quantity) as quantity_sum
        from metering.int_month_to_fold
        group by tenant_no
        union all
        select tenant_no, 'minutes', count(*), sum(quantity) from store.usage_minutes where fold_no = fold
        group by tenant_no
    ) as stored
    full join (
        select tenant_no, kind, row_count, quantity_sum from ledger.archived_files where fold_no = fold
    ) as filed using (tenant_no, kind)
    where (stored.row_count, stored.quantity_sum) is distinct from (filed.row_count, filed.quantity_sum)
    limit 1;
    if found then
        raise 'the archived % of tenant % are not what the store holds of %', different.kind, different.tenant_no,
            month.month_start_at using errcode = 'object_not_in_prerequisite_state';
    end if;

    folded_count := store.end_fold(fold);
    execute format('drop table store.%I', month.archived_as);
    select encode(sha256(convert_to(coalesce(string_agg(
        format('%s  %s', sha256, path) || chr(10), '' order by path collate "C"
    ), ''), 'UTF8')), 'hex') into digest
    from ledger.archived_files where fold_no = fold;
    perform audit.append(
        'retention', 'month_archived', jsonb_build_object(
            'fold_no', fold, 'month', to_char(month.month_start_at at time zone 'UTC', 'YYYY-MM'),
            'event_count', folded_count, 'manifest_sha256', digest,
            'file_count', (select count(*) from ledger.archived_files where fold_no = fold),
            'decided_by', month.decided_by, 'reason', month.reason
        )::text
    );
    return digest;
end
$$;

do $$
declare
    routine text;
begin
    foreach routine in array array['begin_fold', 'end_fold', 'begin_archive', 'finish_archive'] loop
        execute format('revoke execute on function store.%I from public', routine);
    end loop;
end
$$;
grant execute on function store.begin_archive, store.finish_archive to meterline_approver;

reset role;

-- Who archives reads what leaves the store, by the names of the models.
grant usage on schema governance to meterline_owner;
alter default privileges for role meterline_transform in schema metering grant select on tables to meterline_approver;
alter default privileges for role meterline_transform in schema governance
grant select on tables to meterline_owner, meterline_approver;
do $$
begin
    execute 'grant select on all tables in schema metering, governance to meterline_approver';
    execute 'grant select on all tables in schema governance to meterline_owner';
end
$$;
