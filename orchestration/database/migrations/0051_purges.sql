set role meterline_owner;

-- Purges as before, in statements that a cluster carries out, too: each of one table, told beforehand what it deletes.

-- What lies on nodes is guarded there, where no purge is known: it is deleted from by what carries a purge out.
create or replace function store.refuse_unapproved_deletion() returns trigger language plpgsql as $$
declare
    is_approved boolean;
begin
    if tg_table_name ~ '_[0-9]+$' then
        is_approved := current_setting('meterline.carries_out_purge', true) = 'yes';
    elsif tg_table_name = 'usage_minutes' then
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
    if is_approved is not true then
        raise exception '%.% is deleted from by approved purges only', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'Propose it: meterline retention purge --propose.';
    end if;
    return null;
end
$$;

create or replace function store.decide_purge(asked text, decided text, person text, because text) returns void
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
    if decided = 'approved' then
        perform item.tenant_no, item.kind, item.file_no, item.received_date
        from ledger.purge_items as item
        where item.purge_no = purge.purge_no
        except
        select kept.tenant_no, kept.kind, kept.file_no, case when kept.kind = 'deliveries' then kept.first_date end
        from governance.int_retained_data as kept
        where kept.is_due;
        if found then
            raise '% holds what is not due any more: it is on hold, purged, or its class has changed', asked
                using errcode = 'object_not_in_prerequisite_state', hint = 'Propose a purge again.';
        end if;
    end if;
    insert into ledger.purge_decisions (purge_no, decision, decided_by, reason)
    values (purge.purge_no, decided, person, because);
    perform audit.append('retention', 'purge_decided', jsonb_build_object(
        'purge_id', asked, 'decision', decided, 'decided_by', person, 'reason', because
    )::text);
end
$$;

-- The loads whose deliveries of a tenant an approved purge lists: what was applied by the time of the proposal.
create function store.loads_to_purge(purge integer)
returns table (tenant_no integer, tenant_id text, load_id bigint)
language sql stable set search_path = pg_catalog, store as $$
    select item.tenant_no, tenant.tenant_id, load.load_id
    from ledger.approved_purge_items as item
    inner join registry.tenants as tenant on item.tenant_no = tenant.tenant_no
    inner join ledger.loads as load
        on item.received_date = load.received_date
        and load.status = 'applied'
        and item.proposed_at >= load.applied_at
    where item.purge_no = purge
$$;
revoke execute on function store.loads_to_purge from public;

create or replace function store.carry_out_purge(asked text) returns void
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    purge integer;
    deleted_files bigint;
    deleted_deliveries bigint;
    deleted_odd bigint;
    deleted_minutes bigint;
begin
    select count(*) into deleted_files from store.files_to_purge(asked);
    select purge_no into purge from ledger.purge_proposals where purge_id = asked;
    set local meterline.carries_out_purge to 'yes';

    with due as materialized (select * from store.loads_to_purge(purge)),

    waiting as materialized (
        select refused.load_id, refused.row_number
        from ledger.waiting_refusals as refused
        where refused.load_id in (select load_id from due)
    )

    delete from raw.messages as message
    using due
    where
        message.load_id = due.load_id and message.tenant_no = due.tenant_no
        and (message.load_id, message.row_number) not in (select load_id, row_number from waiting);
    get diagnostics deleted_deliveries = row_count;

    with due as materialized (select * from store.loads_to_purge(purge)),

    waiting as materialized (
        select refused.load_id, refused.row_number
        from ledger.waiting_refusals as refused
        where refused.load_id in (select load_id from due)
    ),

    gone as materialized (
        select message.load_id, message.row_number
        from raw.odd_messages as message
        inner join due on message.load_id = due.load_id and message.fields -> 'tenant_id' ->> 'v' = due.tenant_id
        left join waiting on message.load_id = waiting.load_id and message.row_number = waiting.row_number
        where waiting.load_id is null
    )

    delete from raw.odd_messages as message
    using gone
    where message.load_id = gone.load_id and message.row_number = gone.row_number;
    get diagnostics deleted_odd = row_count;

    with beside as materialized (
        select extra.load_id, extra.row_number
        from raw.extra_fields as extra
        where extra.load_id in (select load_id from store.loads_to_purge(purge))
    ),

    gone as materialized (
        select load_id, row_number from beside
        except
        select load_id, row_number
        from raw.messages
        inner join beside using (load_id, row_number)
        except
        select load_id, row_number
        from raw.odd_messages
        inner join beside using (load_id, row_number)
    )

    delete from raw.extra_fields as extra
    using gone
    where extra.load_id = gone.load_id and extra.row_number = gone.row_number;

    with due as materialized (
        select file.fold_no, file.tenant_no
        from ledger.purge_items as item
        inner join ledger.archived_files as file on item.file_no = file.file_no
        where item.purge_no = purge and item.kind = 'minute_totals'
    )

    delete from store.usage_minutes as minute
    using due
    where minute.fold_no = due.fold_no and minute.tenant_no = due.tenant_no;
    get diagnostics deleted_minutes = row_count;
    set local meterline.carries_out_purge to 'no';

    insert into ledger.purges (purge_no, delivery_count, minute_count, file_count)
    values (purge, deleted_deliveries + deleted_odd, deleted_minutes, deleted_files);
    perform audit.append('retention', 'purged', jsonb_build_object(
        'purge_id', asked, 'delivery_count', deleted_deliveries + deleted_odd, 'minute_count', deleted_minutes,
        'file_count', deleted_files
    )::text);
end
$$;

reset role;
