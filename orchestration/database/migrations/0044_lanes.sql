-- What the models of a load keep in each lane, where a load is metered in several at once.
create schema lanes authorization meterline_transform;

set role meterline_owner;

alter table ledger.marks add column lane smallint not null default 0;
alter table ledger.marks add column lane_starts integer[] not null default '{0}';
alter table ledger.marks drop constraint marks_pkey;
-- By itself, and with a name: a table that lies on several machines takes a key in no other way.
do $$ begin alter table ledger.marks add constraint marks_pkey primary key (load_id, model, lane); end $$;
comment on column ledger.marks.lane is 'Whose messages were added: tenants from the start of this lane to that of the next.';
comment on column ledger.marks.lane_starts is 'Of all lanes of the run, the number of the first tenant.';

alter table ledger.turns add column lane_starts integer[] not null default '{0}';
comment on column ledger.turns.lane_starts is 'The lanes of the run that made the working tables of a load, by their first tenants.';

-- An event that a run of an early release stored, and was stopped before its mark, is not new.
insert into store.high_water (tenant_no, device_no, metric_no, seq_epoch, msg_seq)
select tenant_no, device_no, metric_no, seq_epoch, max(msg_seq)
from store.events
where load_id in (select load_id from ledger.loads where status = 'claimed')
group by tenant_no, device_no, metric_no, seq_epoch
on conflict (tenant_no, device_no, metric_no, seq_epoch) do update set msg_seq = excluded.msg_seq
where excluded.msg_seq > high_water.msg_seq;

-- The turn of a dbt run, that of models still alive awaited. `starts` are the lanes of a run that meters, null of others.
create function ledger.take_turn(run text, starts integer[], makes_working_tables boolean) returns void
language plpgsql as $$
declare
    earlier integer[];
    emptied regclass;
begin
    update ledger.turns set holder = run, began_at = clock_timestamp() returning lane_starts into earlier;
    if starts is null then
        return;
    end if;
    if not makes_working_tables and earlier <> starts then
        raise exception 'the working tables are those of % lanes; select tag:load, which makes them again', cardinality(earlier)
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    -- What a run that was stopped has added, it has added by its lanes.
    select mark.lane_starts into earlier
    from ledger.marks as mark
    inner join ledger.loads as load using (load_id)
    where load.status = 'claimed' and mark.lane_starts <> starts
    limit 1;
    if found then
        raise exception 'a run that was stopped had % lanes of other tenants; meterline process goes on with it', cardinality(earlier)
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    update ledger.turns set lane_starts = starts;
    if cardinality(starts) = 1 then
        -- No messages lie about where nobody looks.
        for emptied in
            select oid from pg_class where relnamespace = 'lanes'::regnamespace and relkind = 'r' and relpages > 0
        loop
            execute format('truncate %s', emptied);
        end loop;
    end if;
end
$$;
revoke execute on function ledger.take_turn from public;
grant execute on function ledger.take_turn to meterline_transform;

reset role;
