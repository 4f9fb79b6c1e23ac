-- Commits as it goes.
-- Month by month, so that a killed upgrade goes on where it stopped: what comes for a second time in a month goes to a
-- series of its own, and the month has its key. Then the key of all months goes.
do $$
declare
    part record;
    again text;
    is_reused boolean;
    before text := current_setting('role');
begin
    perform set_config('role', 'meterline_owner', false);
    for part in
        select inhrelid as oid, inhrelid::regclass::text as name
        from pg_inherits
        where inhparent = 'store.slim_events'::regclass
        order by inhrelid::regclass::text
    loop
        perform pg_advisory_xact_lock(hashtext('meterline.process'));
        -- It may have been archived since, and has its key where an upgrade was stopped.
        continue when not exists (
            select 1 from pg_inherits where inhrelid = part.oid and inhparent = 'store.slim_events'::regclass
        ) or exists (
            select 1
            from pg_index
            where
                indrelid = part.oid and indisunique and indisvalid
                and pg_get_indexdef(indexrelid) like '%(tenant_no, series_no, msg_seq)'
        );
        again := format(
            '(
                select
                    tenant_no, series_no, msg_seq, device_ts,
                    row_number() over (partition by tenant_no, series_no, msg_seq order by device_ts) as run_no
                from %s
            )',
            part.name
        );
        execute format('select exists (select 1 from %s as again where run_no > 1)', again) into is_reused;
        if is_reused then
            execute format(
                'insert into store.series (tenant_no, series_no, device_no, metric_no, seq_epoch, run_no)
                select
                    tenant_no,
                    (select max(known.series_no) from store.series as known where known.tenant_no = wanted.tenant_no)
                    + row_number() over (partition by tenant_no order by device_no, metric_no, seq_epoch, run_no),
                    device_no, metric_no, seq_epoch, run_no
                from (
                    select distinct tenant_no, series.device_no, series.metric_no, series.seq_epoch, again.run_no
                    from %s as again
                    inner join store.series using (tenant_no, series_no)
                    where again.run_no > 1
                ) as wanted
                on conflict on constraint series_of_a_device do nothing',
                again
            );
            execute format('alter table %s disable trigger append_only', part.name);
            execute format(
                'update %s as event
                set series_no = own.series_no
                from %s as again
                inner join store.series as first using (tenant_no, series_no)
                inner join store.series as own using (tenant_no, device_no, metric_no, seq_epoch)
                where
                    again.run_no > 1
                    and own.run_no = again.run_no
                    and (event.tenant_no, event.series_no, event.msg_seq, event.device_ts)
                    = (again.tenant_no, again.series_no, again.msg_seq, again.device_ts)',
                part.name, again
            );
            execute format('alter table %s enable always trigger append_only', part.name);
        end if;
        execute format('create unique index on %s (tenant_no, series_no, msg_seq)', part.name);
        commit;
    end loop;
    alter table store.slim_events drop constraint if exists slim_events_pkey;
    perform set_config('role', before, false);
end
$$;
