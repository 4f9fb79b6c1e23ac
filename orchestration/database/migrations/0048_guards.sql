set role meterline_owner;

-- Two guards instead of one. A cluster keeps what refuses TRUNCATE with the name of a table, the rest with its rows; a
-- guard of both stayed with the name, where no UPDATE or DELETE came by.
create or replace procedure store.make_append_only(relation regclass) language plpgsql as $$
begin
    execute format(
        'create or replace trigger append_only before update or delete on %s '
        'for each statement execute function store.refuse_change()', relation
    );
    execute format(
        'create or replace trigger not_emptied before truncate on %s '
        'for each statement execute function store.refuse_change()', relation
    );
    execute format('alter table %s enable always trigger append_only', relation);
    execute format('alter table %s enable always trigger not_emptied', relation);
end
$$;

-- As before, but a cluster takes one trigger at a time.
create or replace procedure store.make_purgeable(relation regclass) language plpgsql as $$
begin
    execute format(
        'create or replace trigger approved_purges after delete on %s referencing old table as gone '
        'for each statement execute function store.refuse_unapproved_deletion()', relation
    );
    execute format(
        'create or replace trigger unchanged before update or truncate on %s '
        'for each statement execute function store.refuse_change()', relation
    );
    execute format('alter table %s enable always trigger approved_purges', relation);
    execute format('alter table %s enable always trigger unchanged', relation);
end
$$;

do $$
declare
    guarded regclass;
begin
    for guarded in select tgrelid from pg_trigger where tgname = 'append_only' loop
        execute format('drop trigger append_only on %s', guarded);
        call store.make_append_only(guarded);
    end loop;
end
$$;

reset role;
