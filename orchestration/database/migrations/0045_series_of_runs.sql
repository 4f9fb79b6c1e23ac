set role meterline_owner;

-- A number that a device gives again in the same month (RULES 8) has a series of its own for each time, so that an event
-- is found by series and number, and its key needs no device_ts.
alter table store.series add column run_no integer not null default 1;
alter table store.series drop constraint series_tenant_no_device_no_metric_no_seq_epoch_key;
-- By itself, and with a name: a table that lies on several machines takes a key in no other way.
do $$
begin
    alter table store.series
    add constraint series_of_a_device unique (tenant_no, device_no, metric_no, seq_epoch, run_no);
end
$$;
comment on column store.series.run_no is
'For which time in one month of the event store the numbers of its events come: 1 but for those given again.';

-- The key of each month is its own: of all months PostgreSQL would ask that it has device_ts. With that it was larger than
-- the 16 bytes up to which a page is split where rows are added, be it in the middle of the index, and not in halves.
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
            execute format('create unique index on store.%I (tenant_no, series_no, msg_seq)', partition_name);
            call store.make_append_only(('store.' || partition_name)::regclass);
            made := made + 1;
        end if;
    end loop;
    return made;
end
$$;

reset role;
