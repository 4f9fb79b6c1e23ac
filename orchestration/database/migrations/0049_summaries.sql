set role meterline_owner;

-- Plans of one run's later steps are made on what its earlier steps wrote, and find rows by their load; autovacuum
-- would come too late for both. Only what grew by more than a third is sampled again.
create or replace function store.refresh_statistics(relation regclass) returns void
language plpgsql security definer set search_path = pg_catalog as $$
declare
    part record;
begin
    for part in
        select member.oid::regclass as name, greatest(member.relpages, 0) as known_pages, grown.pages
        from pg_class as member
        inner join pg_namespace as place on member.relnamespace = place.oid
        cross join lateral (select pg_relation_size(member.oid) / 8192 as pages) as grown
        where
            member.relkind = 'r'
            and place.nspname in ('config', 'registry', 'raw', 'ledger', 'store')
            and (
                member.oid = relation
                or member.oid in (select inhrelid from pg_inherits where inhparent = relation)
            )
            -- A month that is over grows no more. Nor would what an automatic analyze has seen meanwhile.
            and (grown.pages > greatest(member.relpages, 0) or pg_stat_get_ins_since_vacuum(member.oid) > 0)
        order by member.oid
    loop
        if part.pages > part.known_pages * 4 / 3 then
            execute format('analyze %s', part.name);
        end if;
        -- What no summary covers is read whole by every look-up by load. A vacuum summarises, too, and gives up where
        -- somebody waits for it.
        perform brin_summarize_new_values(index.indexrelid)
        from pg_index as index
        inner join pg_class as ranges on index.indexrelid = ranges.oid
        inner join pg_am as method on ranges.relam = method.oid
        where
            index.indrelid = part.name and method.amname = 'brin'
            and not exists (
                select 1
                from pg_locks as held
                inner join pg_stat_progress_vacuum as vacuum on held.pid = vacuum.pid and held.database = vacuum.datid
                where held.relation = part.name and held.mode = 'ShareUpdateExclusiveLock'
            );
    end loop;
end
$$;

reset role;
