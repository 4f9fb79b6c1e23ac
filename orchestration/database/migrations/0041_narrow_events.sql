-- Commits as it goes.
-- Month by month, so that no more than one of them lies there twice, and a killed upgrade goes on where it stopped.
do $$
declare
    part record;
    moved bigint;
    held bigint;
    before text := current_setting('role');
begin
    perform set_config('role', 'meterline_owner', false);
    for part in
        select member.relname as name, replace(member.relname, 'wide_', 'events_') as slim_name
        from pg_inherits
        inner join pg_class as member on inhrelid = member.oid
        where inhparent = to_regclass('store.wide_events')
        order by member.relname
    loop
        -- By itself: a new partition locks readers out until the end of its transaction.
        perform store.ensure_partitions(month_start, month_start)
        from to_date(right(part.name, 6), 'YYYYMM') as month_start;
        commit;
        perform pg_advisory_xact_lock(hashtext('meterline.process'));
        execute format(
            'insert into store.slim_events (
                msg_seq, device_ts, sent_ts, received_at, event_at, session_key, load_id, row_number, tenant_no, series_no,
                traits_no, period_no, timestamp_source, disposition, is_skew_candidate, quantity
            )
            select
                event.msg_seq, event.device_ts, event.sent_ts, event.received_at, event.event_at, event.session_key,
                event.load_id, event.row_number, event.tenant_no, series.series_no, event.traits_no, event.period_no,
                event.timestamp_source, event.disposition, event.is_skew_candidate, event.quantity
            from store.%I as event
            inner join store.series using (tenant_no, device_no, metric_no, seq_epoch)
            order by event.load_id, event.tenant_no, series.series_no, event.msg_seq',
            part.name
        );
        get diagnostics moved = row_count;
        execute format('select count(*) from store.%I', part.name) into held;
        if moved <> held then
            raise 'store.% has % events, of which % were moved', part.name, held, moved;
        end if;
        execute format('drop table store.%I', part.name);
        -- What no summary covers is read whole by every look-up by load.
        perform brin_summarize_new_values(index.indexrelid)
        from pg_index as index
        inner join pg_class as relation on index.indexrelid = relation.oid
        inner join pg_am as method on relation.relam = method.oid
        where index.indrelid = format('store.%I', part.slim_name)::regclass and method.amname = 'brin';
        execute format('analyze store.%I', part.slim_name);
        commit;
    end loop;

    create or replace view store.events as
    select
        event.msg_seq, series.seq_epoch, event.device_ts, event.sent_ts, event.received_at, event.event_at,
        event.session_key, event.load_id, event.row_number, event.tenant_no, series.device_no, event.traits_no,
        event.period_no, series.metric_no, event.timestamp_source, event.disposition, event.is_skew_candidate,
        event.quantity, event.series_no
    from store.slim_events as event
    left join store.series as series on event.tenant_no = series.tenant_no and event.series_no = series.series_no;
    drop table if exists store.wide_events;
    perform set_config('role', before, false);
end
$$;
