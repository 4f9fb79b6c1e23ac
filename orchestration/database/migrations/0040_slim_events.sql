set role meterline_owner;

-- No run of the release before may be writing to what is renamed here.
select pg_advisory_xact_lock(hashtext('meterline.process'));

-- What counts one sequence: a metric of a device between two restarts of its counter. Numbered within its tenant, so that
-- a tenant's number and a series' number together are as selective as each of them says.
create table store.series (
    seq_epoch bigint not null,
    tenant_no integer not null,
    series_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    primary key (tenant_no, series_no),
    unique (tenant_no, device_no, metric_no, seq_epoch)
);

-- One row per identity: the arrival that was kept when it was first stored, and what was derived from it then. The series
-- stands for device, metric and epoch, which are 16 bytes of the key and 8 of the row; read it by store.events.
create table store.slim_events (
    msg_seq bigint not null,
    device_ts timestamptz not null,
    sent_ts timestamptz not null,
    received_at timestamptz not null,
    event_at timestamptz not null,
    session_key bigint not null,
    load_id integer not null,
    row_number integer not null,
    tenant_no integer not null,
    series_no integer not null,
    traits_no integer not null,
    period_no integer not null,
    timestamp_source "char" not null check (timestamp_source in ('d', 'c', 's')),
    disposition "char" not null check (disposition in ('b', 'd', 'r', 'n', 'x')),
    is_skew_candidate boolean not null,
    quantity numeric(20, 10) not null,
    primary key (tenant_no, series_no, msg_seq, device_ts)
) partition by range (device_ts);
comment on column store.slim_events.timestamp_source is 'd device, c corrected, s server';
comment on column store.slim_events.disposition is
'b billed; late: d deferred (billed in the period open at receipt), r reopened (billed in its own), n not billed; x in no contract';
comment on column store.slim_events.period_no is '0 where the event lies in no contract';
create index on store.slim_events using brin (load_id) with (pages_per_range = 16);
create index on store.slim_events (tenant_no, event_at) where timestamp_source <> 'd';
create index on store.slim_events (((received_at at time zone 'UTC')::date))
where timestamp_source <> 'd' or is_skew_candidate;
create index on store.slim_events (tenant_no, period_no) where disposition = 'n';

call store.make_append_only('store.series');
call store.make_append_only('store.slim_events');

create or replace function store.ensure_partitions(first_month date, last_month date) returns integer
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
                'create table store.%I partition of store.slim_events for values from (%L) to (%L)', partition_name,
                month_start || ' 00:00:00+00', (month_start + interval '1 month')::date || ' 00:00:00+00'
            );
            call store.make_append_only(('store.' || partition_name)::regclass);
            made := made + 1;
        end if;
    end loop;
    return made;
end
$$;

-- A run that was killed between an event and its mark left the one without the other.
insert into store.series (tenant_no, series_no, device_no, metric_no, seq_epoch)
select
    tenant_no, row_number() over (partition by tenant_no order by device_no, metric_no, seq_epoch),
    device_no, metric_no, seq_epoch
from (
    select tenant_no, device_no, metric_no, seq_epoch from store.high_water
    union all
    select distinct event.tenant_no, event.device_no, event.metric_no, event.seq_epoch
    from store.events as event
    where not exists (
        select 1 from store.high_water as mark
        where
            mark.tenant_no = event.tenant_no
            and mark.device_no = event.device_no
            and mark.metric_no = event.metric_no
            and mark.seq_epoch = event.seq_epoch
    )
) as known;
analyze store.series;

-- From here on nobody reads it, or makes a view of it, until it has its new name.
lock table store.events in access exclusive mode;

-- Views hold on to a table under whatever name. Each is made again by its owner, on the view that takes this name.
reset role;
set local search_path = pg_catalog;
create temp table readers_of_events on commit drop as
select
    relation.oid::regclass::text as name, pg_get_userbyid(relation.relowner) as owner,
    coalesce('with (' || array_to_string(relation.reloptions, ', ') || ')', '') as options,
    pg_get_viewdef(relation.oid) as definition
from pg_class as relation
where
    relation.relkind = 'v'
    and exists (
        select 1
        from pg_rewrite as rule
        inner join pg_depend as dependency on dependency.classid = 'pg_rewrite'::regclass and dependency.objid = rule.oid
        where
            rule.ev_class = relation.oid
            and dependency.refclassid = 'pg_class'::regclass
            and dependency.refobjid = 'store.events'::regclass
    );

-- What else holds on to it or to one of its months cannot be made again here.
do $$
declare
    other text;
begin
    select
        case
            when published.oid is not null then 'publication of ' || published.prrelid::regclass
            when kept.oid is not null then 'materialized view ' || kept.oid::regclass
            else pg_describe_object(dependency.classid, dependency.objid, 0)
        end into other
    from pg_depend as dependency
    left join pg_rewrite as rule on dependency.classid = 'pg_rewrite'::regclass and dependency.objid = rule.oid
    left join pg_class as kept on rule.ev_class = kept.oid and kept.relkind = 'm'
    left join pg_publication_rel as published
        on dependency.classid = 'pg_publication_rel'::regclass and dependency.objid = published.oid
    where
        dependency.refclassid = 'pg_class'::regclass
        and dependency.refobjid in (
            select 'store.events'::regclass::oid
            union all
            select inhrelid from pg_inherits where inhparent = 'store.events'::regclass
        )
        and dependency.classid in (
            'pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass, 'pg_publication_rel'::regclass
        )
        and not (
            dependency.refobjid = 'store.events'::regclass
            and rule.ev_class is not null
            and rule.ev_class::regclass::text in (select name from pg_temp.readers_of_events)
        )
    order by other
    limit 1;
    if other is not null then
        raise dependent_objects_still_exist using
            message = 'store.events becomes a view', detail = format('%s reads store.events', other);
    end if;
end
$$;
set role meterline_owner;

-- Until the next migration has moved them, the months of the old table are events, too.
do $$
declare
    part record;
begin
    for part in
        select member.relname as name
        from pg_inherits
        inner join pg_class as member on inhrelid = member.oid
        where inhparent = 'store.events'::regclass
    loop
        execute format('alter table store.%I rename to %I', part.name, replace(part.name, 'events_', 'wide_'));
    end loop;
end
$$;
alter table store.events rename to wide_events;

-- Outer, so that who asks for nothing that the series says does not read it.
create view store.events as
select
    event.msg_seq, series.seq_epoch, event.device_ts, event.sent_ts, event.received_at, event.event_at,
    event.session_key, event.load_id, event.row_number, event.tenant_no, series.device_no, event.traits_no,
    event.period_no, series.metric_no, event.timestamp_source, event.disposition, event.is_skew_candidate,
    event.quantity, event.series_no
from store.slim_events as event
left join store.series as series on event.tenant_no = series.tenant_no and event.series_no = series.series_no
union all
select
    event.msg_seq, event.seq_epoch, event.device_ts, event.sent_ts, event.received_at, event.event_at,
    event.session_key, event.load_id, event.row_number, event.tenant_no, event.device_no, event.traits_no,
    event.period_no, event.metric_no, event.timestamp_source, event.disposition, event.is_skew_candidate,
    event.quantity, series.series_no
from store.wide_events as event
left join store.series as series using (tenant_no, device_no, metric_no, seq_epoch);

-- Its identities go into the ledger, so that a repetition is still known for one; its partition is detached under a name
-- of its own. Returns how many events left.
create or replace function store.end_fold(fold integer) returns bigint
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    partition_name text;
    archive_name text;
    folded_count bigint;
    held_count bigint;
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

    execute format('select count(*) from store.%I', partition_name) into held_count;
    if folded_count <> held_count then
        raise 'store.% has % events, of which % were folded', partition_name, held_count, folded_count;
    end if;

    -- Who meters has waited since the fold was begun; who reads waits from here on.
    lock table store.slim_events in access exclusive mode;
    execute format('alter table store.slim_events detach partition store.%I', partition_name);
    execute format('alter table store.%I rename to %I', partition_name, archive_name);
    return folded_count;
end
$$;

grant select on store.series, store.slim_events, store.events
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.series, store.slim_events to meterline_transform;

-- Whoever else was let read the table reads the view.
do $$
declare
    granted record;
begin
    for granted in
        select case when reader.grantee = 0 then 'public' else quote_ident(pg_get_userbyid(reader.grantee)) end as reader
        from pg_class as wide
        cross join lateral aclexplode(wide.relacl) as reader
        where
            wide.oid = 'store.wide_events'::regclass
            and reader.privilege_type = 'SELECT'
            and reader.grantee <> wide.relowner
    loop
        execute 'grant select on store.events to ' || granted.reader;
    end loop;
end
$$;

reset role;

do $$
declare
    reading record;
    before text := current_setting('role');
    is_superuser boolean := (select rolsuper from pg_roles where rolname = session_user);
begin
    for reading in select * from pg_temp.readers_of_events
    loop
        begin
            -- Who is none needs a view to be its owner's to replace it; who is one leaves it to its owner.
            if not is_superuser then
                perform set_config('role', reading.owner, true);
            end if;
            execute format('create or replace view %s %s as %s', reading.name, reading.options, reading.definition);
            perform set_config('role', before, true);
        exception when others then
            raise dependent_objects_still_exist using
                message = 'store.events becomes a view',
                detail = format('view %s of %s: %s', reading.name, reading.owner, sqlerrm);
        end;
    end loop;
end
$$;
