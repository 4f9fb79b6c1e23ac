set role meterline_owner;

-- What may not be purged, whatever its class says: of a tenant, measured or received from an instant until another.
create table ledger.retention_holds (
    hold_no integer generated always as identity primary key,
    tenant_no integer not null,
    from_at timestamptz not null default '-infinity',
    until_at timestamptz not null default 'infinity' check (until_at > from_at),
    placed_by text not null check (trim(placed_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    placed_at timestamptz not null default clock_timestamp()
);
create table ledger.lifted_holds (
    hold_no integer primary key references ledger.retention_holds,
    lifted_by text not null check (trim(lifted_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    lifted_at timestamptz not null default clock_timestamp()
);

-- A purge: proposed with everything that it would delete, decided by another person, then carried out.
create table ledger.purge_proposals (
    purge_no integer generated always as identity primary key,
    proposed_by text not null check (trim(proposed_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    proposed_at timestamptz not null default clock_timestamp(),
    purge_id text not null generated always as ('PRG-' || purge_no) stored unique
);
create table ledger.purge_items (
    purge_no integer not null references ledger.purge_proposals,
    item_no integer not null,
    tenant_no integer not null,
    kind text not null check (kind in ('deliveries', 'archived_events', 'minute_totals')),
    file_no integer references ledger.archived_files,
    received_date date,
    retention_class text not null,
    kept_until_at timestamptz not null,
    row_count bigint not null,
    primary key (purge_no, item_no),
    check ((kind = 'deliveries') = (file_no is null) and (file_no is null) = (received_date is not null))
);
create index on ledger.purge_items (file_no) where file_no is not null;
comment on column ledger.purge_items.received_date is 'Of deliveries: the day of receipt (UTC). Of others the file says.';
create table ledger.purge_decisions (
    purge_no integer primary key references ledger.purge_proposals,
    decision text not null check (decision in ('approved', 'rejected')),
    decided_by text not null check (trim(decided_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    decided_at timestamptz not null default clock_timestamp()
);
-- What was approved, and then was not to be deleted after all.
create table ledger.withdrawn_purges (
    purge_no integer primary key references ledger.purge_decisions,
    withdrawn_by text not null check (trim(withdrawn_by) <> ''),
    reason text not null check (trim(reason) <> ''),
    withdrawn_at timestamptz not null default clock_timestamp()
);
create table ledger.purges (
    purge_no integer primary key references ledger.purge_decisions,
    delivery_count bigint not null,
    minute_count bigint not null,
    file_count bigint not null,
    purged_at timestamptz not null default clock_timestamp()
);
call store.make_append_only('ledger.retention_holds');
call store.make_append_only('ledger.lifted_holds');
call store.make_append_only('ledger.purge_proposals');
call store.make_append_only('ledger.purge_items');
call store.make_append_only('ledger.purge_decisions');
call store.make_append_only('ledger.withdrawn_purges');
call store.make_append_only('ledger.purges');
grant select on
ledger.retention_holds, ledger.lifted_holds, ledger.purge_proposals, ledger.purge_items, ledger.purge_decisions,
ledger.withdrawn_purges, ledger.purges
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;

-- What may be deleted now: approved, and neither carried out nor withdrawn. Of a day's deliveries what was applied by the
-- time of the proposal, for nobody has agreed to the rest.
create view ledger.approved_purge_items as
select item.*, purge.purge_id, purge.proposed_at
from ledger.purge_items as item
inner join ledger.purge_proposals as purge on item.purge_no = purge.purge_no
inner join ledger.purge_decisions as decided on item.purge_no = decided.purge_no and decided.decision = 'approved'
where
    not exists (select from ledger.purges as done where done.purge_no = item.purge_no)
    and not exists (select from ledger.withdrawn_purges as withdrawn where withdrawn.purge_no = item.purge_no);

-- Refused rows that a configuration may mend. Once a release has brought them again, they are under the release.
create view ledger.waiting_refusals as
select refused.load_id, refused.row_number
from store.quarantine as refused
inner join ledger.refusal_remedies as known on refused.reason = known.reason and known.is_releasable
where not exists (
    select from ledger.released_rows as released
    inner join ledger.loads as release on released.release_load_id = release.load_id and release.status = 'applied'
    where released.load_id = refused.load_id and released.row_number = refused.row_number
);
grant select on ledger.waiting_refusals
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;

-- Nobody deletes what no approved purge lists, by whatever path.
create function store.refuse_unapproved_deletion() returns trigger language plpgsql as $$
declare
    is_approved boolean;
begin
    if tg_table_name = 'usage_minutes' then
        is_approved := not exists (
            select from gone
            where not exists (
                select from ledger.approved_purge_items as item
                inner join ledger.archived_files as file on item.file_no = file.file_no
                where file.kind = 'minutes' and file.fold_no = gone.fold_no and file.tenant_no = gone.tenant_no
            )
        );
    elsif tg_table_name = 'messages' then
        is_approved := not exists (
            select from gone
            inner join ledger.loads as load on gone.load_id = load.load_id
            where not exists (
                select from ledger.approved_purge_items as item
                where
                    item.tenant_no = gone.tenant_no and item.received_date = load.received_date
                    and load.applied_at <= item.proposed_at
            )
        );
    elsif tg_table_name = 'odd_messages' then
        is_approved := not exists (
            select from gone
            inner join ledger.loads as load on gone.load_id = load.load_id
            where not exists (
                select from ledger.approved_purge_items as item
                inner join registry.tenants as tenant on item.tenant_no = tenant.tenant_no
                where
                    tenant.tenant_id = gone.fields -> 'tenant_id' ->> 'v' and item.received_date = load.received_date
                    and load.applied_at <= item.proposed_at
            )
        );
    else
        -- Fields beside a message go with it, and not before it.
        is_approved := not exists (
            select from gone
            inner join ledger.loads as load on gone.load_id = load.load_id
            where
                not exists (
                    select from ledger.approved_purge_items as item
                    where item.received_date = load.received_date and load.applied_at <= item.proposed_at
                )
                or exists (
                    select from raw.messages as message
                    where message.load_id = gone.load_id and message.row_number = gone.row_number
                )
                or exists (
                    select from raw.odd_messages as message
                    where message.load_id = gone.load_id and message.row_number = gone.row_number
                )
        );
    end if;
    if not is_approved then
        raise exception '%.% is deleted from by approved purges only', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'Propose it: meterline retention purge --propose.';
    end if;
    return null;
end
$$;
create procedure store.make_purgeable(relation regclass) language plpgsql as $$
begin
    execute format(
        'create or replace trigger approved_purges after delete on %s referencing old table as gone '
        'for each statement execute function store.refuse_unapproved_deletion()', relation
    );
    execute format(
        'create or replace trigger unchanged before update or truncate on %s '
        'for each statement execute function store.refuse_change()', relation
    );
    execute format(
        'alter table %s enable always trigger approved_purges, enable always trigger unchanged', relation
    );
end
$$;
call store.make_purgeable('store.usage_minutes');
call store.make_purgeable('raw.messages');
call store.make_purgeable('raw.odd_messages');
call store.make_purgeable('raw.extra_fields');

-- Holds and purges take turns: a hold that is recorded while files are deleted could promise too much.
create function store.lock_retention() returns void language sql as $$
    select pg_advisory_xact_lock(hashtext('meterline.retention'))
$$;

create function store.place_hold(
    held_tenant text, held_from timestamptz, held_until timestamptz, person text, because text
) returns integer
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    held_no integer;
    placed integer;
begin
    perform store.lock_retention();
    select tenant_no into held_no from registry.tenants where tenant_id = held_tenant;
    if not found then
        raise 'no tenant %', held_tenant using errcode = 'no_data_found';
    end if;
    insert into ledger.retention_holds (tenant_no, from_at, until_at, placed_by, reason)
    values (held_no, coalesce(held_from, '-infinity'), coalesce(held_until, 'infinity'), person, because)
    returning hold_no into placed;
    perform audit.append('retention', 'hold_placed', jsonb_build_object(
        'hold_no', placed, 'tenant_id', held_tenant, 'from_at', held_from, 'until_at', held_until, 'placed_by', person,
        'reason', because
    )::text);
    return placed;
end
$$;

create function store.lift_hold(asked integer, person text, because text) returns void
language plpgsql security definer set search_path = pg_catalog, store as $$
begin
    perform store.lock_retention();
    if not exists (select from ledger.retention_holds where hold_no = asked) then
        raise 'no hold %', asked using errcode = 'no_data_found';
    end if;
    if exists (select from ledger.lifted_holds where hold_no = asked) then
        raise 'hold % was lifted already', asked using errcode = 'object_not_in_prerequisite_state';
    end if;
    insert into ledger.lifted_holds (hold_no, lifted_by, reason) values (asked, person, because);
    perform audit.append('retention', 'hold_lifted', jsonb_build_object(
        'hold_no', asked, 'lifted_by', person, 'reason', because
    )::text);
end
$$;

-- One purge at a time: what is approved is carried out or withdrawn before anything else is.
create function store.refuse_second_purge(asked text) returns void
language plpgsql set search_path = pg_catalog, store as $$
declare
    waiting text;
begin
    select item.purge_id into waiting
    from ledger.approved_purge_items as item
    where item.purge_id is distinct from asked
    limit 1;
    if found then
        raise '% is approved and not carried out', waiting
            using errcode = 'object_not_in_prerequisite_state',
            hint = 'Approve it again, which goes on with it, or withdraw it.';
    end if;
end
$$;

-- Everything that is due now, as one proposal. Due is told by what was received; the clock only keeps a file from the
-- future from bringing it forward.
create function store.propose_purge(person text, because text) returns text
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    made integer;
    named text;
    counted bigint;
begin
    perform store.lock_retention();
    perform store.refuse_second_purge(null);
    insert into ledger.purge_proposals (proposed_by, reason) values (person, because)
    returning purge_no, purge_id into made, named;
    insert into ledger.purge_items (
        purge_no, item_no, tenant_no, kind, file_no, received_date, retention_class, kept_until_at, row_count
    )
    select
        made, row_number() over (order by tenant_no, kind, first_date, file_no), tenant_no, kind, file_no,
        case when kind = 'deliveries' then first_date end, retention_class, kept_until_at, row_count
    from governance.int_retained_data
    where is_due and kept_until_at <= clock_timestamp();
    get diagnostics counted = row_count;
    if counted = 0 then
        raise 'nothing is due for purge' using errcode = 'no_data_found';
    end if;
    perform audit.append('retention', 'purge_proposed', jsonb_build_object(
        'purge_id', named, 'item_count', counted, 'proposed_by', person, 'reason', because
    )::text);
    return named;
end
$$;

-- The decision about a purge. What is approved already may be carried out again after a crash, or withdrawn until then.
create function store.decide_purge(asked text, decided text, person text, because text) returns void
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    purge ledger.purge_proposals;
    before ledger.purge_decisions;
begin
    perform store.lock_retention();
    select * into purge from ledger.purge_proposals where purge_id = asked;
    if not found then
        raise 'no purge %', asked using errcode = 'no_data_found';
    end if;
    if decided = 'withdrawn' then
        if not exists (select from ledger.approved_purge_items where purge_id = asked) then
            raise '% is not approved, carried out already, or withdrawn', asked
                using errcode = 'object_not_in_prerequisite_state';
        end if;
        insert into ledger.withdrawn_purges (purge_no, withdrawn_by, reason) values (purge.purge_no, person, because);
        perform audit.append('retention', 'purge_withdrawn', jsonb_build_object(
            'purge_id', asked, 'withdrawn_by', person, 'reason', because
        )::text);
        return;
    end if;
    if decided = 'approved' then
        perform store.refuse_second_purge(asked);
    end if;
    select * into before from ledger.purge_decisions where purge_no = purge.purge_no;
    if found then
        if decided = 'approved' and exists (select from ledger.approved_purge_items where purge_id = asked) then
            return;
        end if;
        if exists (select from ledger.withdrawn_purges where purge_no = purge.purge_no) then
            raise '% was withdrawn', asked
                using errcode = 'object_not_in_prerequisite_state', hint = 'Propose a purge again.';
        end if;
        raise '% was % already, by %', asked, before.decision, before.decided_by
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    if decided = 'approved' and lower(trim(person)) = lower(trim(purge.proposed_by)) then
        raise '% was proposed by %, so somebody else must approve it', asked, purge.proposed_by
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    if decided = 'approved' and exists (
        select from ledger.purge_items as item
        where
            item.purge_no = purge.purge_no
            and not exists (
                select from governance.int_retained_data as kept
                where
                    kept.is_due and kept.tenant_no = item.tenant_no and kept.kind = item.kind
                    and kept.file_no is not distinct from item.file_no
                    and (item.received_date is null or kept.first_date = item.received_date)
            )
    ) then
        raise '% holds what is not due any more: it is on hold, purged, or its class has changed', asked
            using errcode = 'object_not_in_prerequisite_state', hint = 'Propose a purge again.';
    end if;
    insert into ledger.purge_decisions (purge_no, decision, decided_by, reason)
    values (purge.purge_no, decided, person, because);
    perform audit.append('retention', 'purge_decided', jsonb_build_object(
        'purge_id', asked, 'decision', decided, 'decided_by', person, 'reason', because
    )::text);
end
$$;

-- The files of an approved purge. Refuses while a hold covers any of its items, whatever the models say of it.
create function store.files_to_purge(asked text) returns setof text
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    held text;
begin
    perform store.lock_retention();
    if not exists (select from ledger.approved_purge_items as item where item.purge_id = asked) then
        raise '% is not approved, or carried out already', asked using errcode = 'object_not_in_prerequisite_state';
    end if;
    select tenant.tenant_id into held
    from ledger.approved_purge_items as item
    inner join ledger.retention_holds as hold on item.tenant_no = hold.tenant_no
    left join ledger.archived_files as file on item.file_no = file.file_no
    inner join registry.tenants as tenant on item.tenant_no = tenant.tenant_no
    where
        item.purge_id = asked
        and not exists (select from ledger.lifted_holds as lifted where lifted.hold_no = hold.hold_no)
        and case item.kind
            when 'deliveries' then hold.from_at <= (item.received_date + 1)::timestamp at time zone 'UTC'
            else
                hold.from_at <= greatest(file.last_event_at, file.last_received_at)
                and hold.until_at > least(file.first_event_at, file.first_received_at)
        end
    order by tenant.tenant_id collate "C"
    limit 1;
    if found then
        raise '% is stopped: tenant % is on hold', asked, held
            using errcode = 'object_not_in_prerequisite_state', hint = 'Lift the hold, or withdraw the purge.';
    end if;
    return query
    select file.path
    from ledger.approved_purge_items as item
    inner join ledger.archived_files as file on item.file_no = file.file_no
    where item.purge_id = asked
    order by file.path collate "C";
end
$$;

-- Deletes the rows of an approved purge whose files are deleted, and records that it was carried out. What waits in
-- quarantine for a configuration stays, so that it can be released.
create function store.carry_out_purge(asked text) returns void
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    purge integer;
    deleted_files bigint;
    deleted_deliveries bigint;
    deleted_minutes bigint;
begin
    select count(*) into deleted_files from store.files_to_purge(asked);
    select purge_no into purge from ledger.purge_proposals where purge_id = asked;
    with due as (
        select item.tenant_no, tenant.tenant_id, load.load_id
        from ledger.approved_purge_items as item
        inner join registry.tenants as tenant on item.tenant_no = tenant.tenant_no
        inner join ledger.loads as load
            on item.received_date = load.received_date
            and load.status = 'applied'
            and item.proposed_at >= load.applied_at
        where item.purge_no = purge
    ),

    plain as (
        delete from raw.messages as message using due
        where
            message.load_id = due.load_id and message.tenant_no = due.tenant_no
            and not exists (
                select from ledger.waiting_refusals as refused
                where refused.load_id = message.load_id and refused.row_number = message.row_number
            )
        returning message.load_id, message.row_number
    ),

    odd as (
        delete from raw.odd_messages as message using due
        where
            message.load_id = due.load_id and message.fields -> 'tenant_id' ->> 'v' = due.tenant_id
            and not exists (
                select from ledger.waiting_refusals as refused
                where refused.load_id = message.load_id and refused.row_number = message.row_number
            )
        returning message.load_id, message.row_number
    ),

    extra as (
        delete from raw.extra_fields as extra
        using (select * from plain union all select * from odd) as gone
        where extra.load_id = gone.load_id and extra.row_number = gone.row_number
    )

    select (select count(*) from plain) + (select count(*) from odd) into deleted_deliveries;

    delete from store.usage_minutes as minute
    using ledger.purge_items as item, ledger.archived_files as file
    where
        item.purge_no = purge and item.kind = 'minute_totals' and item.file_no = file.file_no
        and minute.fold_no = file.fold_no and minute.tenant_no = file.tenant_no;
    get diagnostics deleted_minutes = row_count;

    insert into ledger.purges (purge_no, delivery_count, minute_count, file_count)
    values (purge, deleted_deliveries, deleted_minutes, deleted_files);
    perform audit.append('retention', 'purged', jsonb_build_object(
        'purge_id', asked, 'delivery_count', deleted_deliveries, 'minute_count', deleted_minutes,
        'file_count', deleted_files
    )::text);
end
$$;

do $$
declare
    routine text;
begin
    foreach routine in array array[
        'lock_retention', 'place_hold', 'lift_hold', 'refuse_second_purge', 'propose_purge', 'decide_purge',
        'files_to_purge', 'carry_out_purge'
    ] loop
        execute format('revoke execute on function store.%I from public', routine);
    end loop;
end
$$;
grant execute on function
store.place_hold, store.lift_hold, store.propose_purge, store.decide_purge, store.files_to_purge, store.carry_out_purge
to meterline_approver;

reset role;
