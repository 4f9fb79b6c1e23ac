set role meterline_owner;

create function store.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '%.% is append-only: % is refused', tg_table_schema, tg_table_name, tg_op
        using errcode = 'insufficient_privilege',
        hint = 'A correction is a new row: a restatement, an amendment or an approved adjustment.';
end
$$;

create procedure store.make_append_only(relation regclass) language plpgsql as $$
begin
    execute format(
        'create trigger append_only before update or delete or truncate on %s '
        'for each statement execute function store.refuse_change()', relation
    );
    execute format('alter table %s enable always trigger append_only', relation);
end
$$;

-- One row per identity: the arrival that was kept when it was first stored, and what was derived from it then.
create table store.events (
    msg_seq bigint not null,
    seq_epoch bigint not null,
    device_ts timestamptz not null,
    sent_ts timestamptz not null,
    received_at timestamptz not null,
    event_at timestamptz not null,
    session_key bigint not null,
    load_id integer not null,
    row_number integer not null,
    tenant_no integer not null,
    device_no integer not null,
    traits_no integer not null,
    period_no integer not null,
    metric_no smallint not null,
    timestamp_source "char" not null check (timestamp_source in ('d', 'c', 's')),
    disposition "char" not null check (disposition in ('b', 'n', 'x')),
    is_skew_candidate boolean not null,
    quantity numeric(20, 10) not null,
    primary key (tenant_no, device_no, metric_no, seq_epoch, msg_seq, device_ts)
) partition by range (device_ts);
comment on column store.events.timestamp_source is 'd device, c corrected, s server';
comment on column store.events.disposition is 'b billed, n not billed (late), x in no contract';
comment on column store.events.period_no is '0 where the event lies in no contract';
create index on store.events using brin (load_id) with (pages_per_range = 16);

create function store.ensure_partitions(first_month date, last_month date) returns integer
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    month_start date;
    partition_name text;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtext('store.ensure_partitions'));
    for month_start in
        select generate_series(date_trunc('month', first_month), date_trunc('month', last_month), interval '1 month')::date
    loop
        partition_name := 'events_' || to_char(month_start, 'YYYYMM');
        if to_regclass('store.' || partition_name) is null then
            execute format(
                'create table store.%I partition of store.events for values from (%L) to (%L)', partition_name,
                month_start || ' 00:00:00+00', (month_start + interval '1 month')::date || ' 00:00:00+00'
            );
            call store.make_append_only(('store.' || partition_name)::regclass);
            made := made + 1;
        end if;
    end loop;
    return made;
end
$$;

-- Highest sequence stored: a message above it is new without a look at the events.
create table store.high_water (
    tenant_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    seq_epoch bigint not null,
    msg_seq bigint not null,
    primary key (tenant_no, device_no, metric_no, seq_epoch)
) with (fillfactor = 80);

-- Arrivals of a stored identity that are not the kept one: duplicates and conflicts, told apart by comparison.
create table store.repeats (
    msg_seq bigint not null,
    seq_epoch bigint not null,
    device_ts timestamptz not null,
    sent_ts timestamptz not null,
    received_at timestamptz not null,
    session_key bigint not null,
    load_id integer not null,
    row_number integer not null,
    tenant_no integer not null,
    device_no integer not null,
    traits_no integer not null,
    metric_no smallint not null,
    quantity numeric(20, 10) not null,
    primary key (tenant_no, load_id, row_number)
);
create index on store.repeats (tenant_no, device_no, metric_no, seq_epoch, msg_seq);
create index on store.repeats (load_id);

-- What a later load changed about a stored event. The event's current state is its row here with the highest version.
create table store.event_restatements (
    tenant_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    seq_epoch bigint not null,
    msg_seq bigint not null,
    stored_device_ts timestamptz not null,
    version integer not null,
    cause_load_id integer not null,
    device_ts timestamptz not null,
    sent_ts timestamptz not null,
    received_at timestamptz not null,
    event_at timestamptz not null,
    session_key bigint not null,
    load_id integer not null,
    row_number integer not null,
    traits_no integer not null,
    period_no integer not null,
    timestamp_source "char" not null check (timestamp_source in ('d', 'c', 's')),
    disposition "char" not null check (disposition in ('b', 'n', 'x')),
    is_skew_candidate boolean not null,
    quantity numeric(20, 10) not null,
    old_event_at timestamptz not null,
    old_period_no integer not null,
    old_disposition "char" not null,
    old_is_skew_candidate boolean not null,
    old_quantity numeric(20, 10) not null,
    primary key (tenant_no, device_no, metric_no, seq_epoch, msg_seq, stored_device_ts, version)
);
create index on store.event_restatements (cause_load_id);

-- Least delay seen per session and received day; a row is added only when it improves on those before.
-- A higher generation sets lower ones aside: a conflict was found, so an earlier delay was no evidence.
create table store.session_evidence (
    least_delay_us bigint not null,
    session_key bigint not null,
    tenant_no integer not null,
    device_no integer not null,
    load_id integer not null,
    received_day date not null,
    generation smallint not null,
    primary key (tenant_no, device_no, session_key, received_day, generation, load_id)
);
create index on store.session_evidence (load_id);

-- Rows that failed a rule of their own; conflicts and events outside any contract are derived, not stored here.
create table store.quarantine (
    load_id integer not null,
    row_number integer not null,
    tenant_id text,
    reason text not null,
    detail text not null,
    raw text not null,
    primary key (load_id, row_number)
);

create table store.periods (
    period_no integer generated always as identity primary key,
    tenant_no integer not null,
    contract_id text not null,
    period_start_date date not null,
    period_start_at timestamptz not null,
    period_end_at timestamptz not null,
    boundary_at timestamptz not null,
    last_local_month date not null,
    proration_numerator integer not null,
    proration_denominator integer not null,
    time_zone text not null,
    unique (tenant_no, period_start_date)
);

-- Use per device, metric and bucket. Sums and counts grow by marked deltas; the rest is computed again by key.
create table store.usage_hours (
    bucket_start_at timestamptz not null,
    first_event_at timestamptz not null,
    last_event_at timestamptz not null,
    tenant_no integer not null,
    device_no integer not null,
    period_no integer not null,
    event_count integer not null,
    skew_candidate_count integer not null,
    metric_no smallint not null,
    quantity numeric(30, 10) not null,
    estimated_quantity numeric(30, 10) not null,
    primary key (tenant_no, device_no, metric_no, bucket_start_at, period_no)
) with (fillfactor = 90);
create table store.usage_days (like store.usage_hours including all) with (fillfactor = 90);
create index on store.usage_days (tenant_no, period_no);

-- Plans of one run's later steps are made on what its earlier steps wrote; autovacuum would come too late. Only what
-- grew by more than a third is sampled again.
create function store.refresh_statistics(relation regclass) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    part regclass;
begin
    for part in
        select member.oid::regclass
        from pg_class as member
        inner join pg_namespace as place on member.relnamespace = place.oid
        where
            member.relkind = 'r'
            and place.nspname in ('config', 'registry', 'raw', 'ledger', 'store')
            and (
                member.oid = relation
                or member.oid in (select inhrelid from pg_inherits where inhparent = relation)
            )
            and pg_relation_size(member.oid) / 8192 > greatest(member.relpages, 0) * 4 / 3
    loop
        execute format('analyze %s', part);
    end loop;
end
$$;

grant select on all tables in schema store
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.events, store.repeats, store.event_restatements, store.session_evidence, store.quarantine
to meterline_transform;
grant insert, update on store.high_water, store.usage_hours, store.usage_days, store.periods to meterline_transform;
grant delete on store.periods to meterline_transform;
revoke execute on function store.ensure_partitions, store.refresh_statistics from public;
grant execute on function store.ensure_partitions to meterline_transform;
grant execute on function store.refresh_statistics to meterline_ingest, meterline_transform;

call store.make_append_only('store.events');
call store.make_append_only('store.repeats');
call store.make_append_only('store.event_restatements');
call store.make_append_only('store.session_evidence');
call store.make_append_only('store.quarantine');

reset role;
