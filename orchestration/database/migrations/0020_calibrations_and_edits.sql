set role meterline_owner;

-- What a meter's number is multiplied by, and what is added to it, to be the metric's quantity.
create table config.calibrations (
    tenant_id text not null, device_id text, metric text, starts_at text, ends_at text, multiplier text,
    offset_quantity text, reason text,
    row_sha256 text not null, valid_from_load integer not null, valid_to_load integer
);
create index on config.calibrations (row_sha256) where valid_to_load is null;
grant select on config.calibrations
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert, update on config.calibrations to meterline_ingest;

-- What a named person found to be the right number of a stored event. The event itself stays as it was delivered.
create table store.edits (
    edit_no integer generated always as identity primary key,
    load_id integer not null unique,
    tenant_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    seq_epoch bigint not null,
    msg_seq bigint not null,
    stored_device_ts timestamptz not null,
    quantity numeric(20, 10) not null,
    old_quantity numeric(20, 10) not null,
    decided_by text not null check (decided_by <> ''),
    reason text not null check (reason <> ''),
    decided_at timestamptz not null default clock_timestamp()
);
create index on store.edits (tenant_no, device_no, metric_no, seq_epoch, msg_seq);
call store.make_append_only('store.edits');

-- An edit is a load like a file, without messages of its own.
alter table ledger.loads add column is_edit boolean not null default false;
alter table ledger.loads drop constraint files_have_a_place;
alter table ledger.loads add constraint files_have_a_place
check (is_edit or config_load_id is not null or (region is not null and received_date is not null));
comment on column ledger.loads.is_edit is 'Whether this load applies an edit of a stored event.';

-- The only way to an edit: the entry, the load that applies it and the audit entry are one act.
create function ledger.edit_event(
    asked_event_id text, asked_tenant_id text, asked_device_id text, asked_metric text, asked_epoch bigint,
    asked_seq bigint, asked_device_ts timestamptz, asked_quantity numeric, person text, because text
) returns integer language plpgsql security definer set search_path = pg_catalog, ledger as $$
declare
    known record;
    made integer;
begin
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise 'another run is metering or closing (lock meterline.process)' using errcode = 'lock_not_available';
    end if;
    if exists (select from ledger.loads where status in ('landed', 'accepted', 'claimed')) then
        raise 'loads are waiting to be metered, and may know of this event'
            using errcode = 'object_not_in_prerequisite_state', hint = 'Run meterline process first.';
    end if;
    select event.*
    into known
    from metering.int_metered_events as event
    inner join registry.tenants as tenant on event.tenant_no = tenant.tenant_no
    inner join registry.devices as device on event.device_no = device.device_no
    inner join registry.metrics as metric on event.metric_no = metric.metric_no
    where
        tenant.tenant_id = asked_tenant_id and device.device_id = asked_device_id and metric.metric = asked_metric
        and event.seq_epoch = asked_epoch and event.msg_seq = asked_seq and event.device_ts = asked_device_ts;
    if not found then
        raise 'there is no event % to edit', asked_event_id using errcode = 'no_data_found';
    end if;
    if exists (
        select from store.folded_periods as folded
        where folded.tenant_no = known.tenant_no and folded.period_no = known.period_no
    ) then
        raise 'events of its period were taken out of the event store, so its use is not counted again'
            using errcode = 'object_not_in_prerequisite_state', hint = 'Credit or debit the difference instead.';
    end if;
    insert into ledger.loads (
        content_sha256, source_file, byte_count, message_count, status, is_edit, events_judged_at, detail
    )
    select
        encode(sha256(convert_to('edit ' || count(*), 'UTF8')), 'hex'), 'edit of ' || asked_event_id, 0, 0, 'accepted', true,
        clock_timestamp(), 'edited by ' || person || ': ' || because
    from store.edits
    returning load_id into made;
    insert into store.edits (
        load_id, tenant_no, device_no, metric_no, seq_epoch, msg_seq, stored_device_ts, quantity, old_quantity, decided_by,
        reason
    ) values (
        made, known.tenant_no, known.device_no, known.metric_no, known.seq_epoch, known.msg_seq, known.stored_device_ts,
        asked_quantity, known.reading, person, because
    );
    perform audit.append('metering', 'event_edited', jsonb_build_object(
        'event_id', asked_event_id, 'load_id', made, 'quantity', asked_quantity::text,
        'old_quantity', known.reading::text, 'decided_by', person, 'reason', because
    )::text);
    return made;
end
$$;
revoke execute on function ledger.edit_event from public;
grant execute on function ledger.edit_event to meterline_approver;
grant select on store.edits
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;

reset role;
