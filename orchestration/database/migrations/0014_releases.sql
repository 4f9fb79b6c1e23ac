set role meterline_owner;

-- A release is a load of its own: rows of a file that were refused, judged again under the configuration of now. It keeps
-- the digest and path of its file, so that order and provenance stay those of the file.
alter table ledger.loads add column released_load_id integer references ledger.loads;
alter table ledger.loads add column release_number integer not null default 0;
alter table ledger.loads drop constraint loads_region_content_sha256_key;
alter table ledger.loads add unique (region, content_sha256, release_number);
alter table ledger.loads add check ((released_load_id is null) = (release_number = 0));
create index on ledger.loads (released_load_id) where released_load_id is not null;
comment on column ledger.loads.released_load_id is 'The load of the file whose refused rows this one brings again.';
comment on column ledger.loads.release_number is '0 for a file, from 1 for what was released of it.';

-- Once released, never again: a row that is refused again lies under the release.
create table ledger.released_rows (
    load_id integer not null,
    row_number integer not null,
    release_load_id integer not null,
    primary key (load_id, row_number)
);
create index on ledger.released_rows (release_load_id);
call store.make_append_only('ledger.released_rows');

-- What a person does about a refusal; only what a configuration can mend is released.
create table ledger.refusal_remedies (
    reason text primary key,
    is_releasable boolean not null,
    remedy text not null
);
insert into ledger.refusal_remedies (reason, is_releasable, remedy) values
('missing_field', false, 'the row itself is incomplete: its sender delivers it again, complete'),
('bad_type', false, 'the row itself is wrong: its sender delivers it again, in the declared types'),
('bad_quantity', false, 'the row itself is wrong: its sender delivers it again with a quantity that numeric(20,10) holds'),
('timestamp_out_of_range', false, 'deliver it again under the date= folder of its receipt, or with stamps from 1970 to 2099'),
('unknown_tenant', true, 'add the tenant to tenants.csv, then release'),
('wrong_region', true, 'correct the region in tenants.csv, then release; or deliver it again under its own region= folder'),
('hardware_identifier', false, 'a hardware identifier is never taken in: its sender delivers it again under an alias'),
('unknown_device', true, 'add the device to devices.csv, then release'),
('unknown_metric', true, 'add the metric to metrics.csv, then release'),
('unit_mismatch', true, 'correct the unit in metrics.csv, then release; or its sender delivers it again in the declared unit'),
('negative_delta', true, 'correct reading_type in metrics.csv, then release'),
('sequence_conflict', false, 'it contradicts the message that was kept: a correction is a new message or an approved adjustment'),
('no_contract', false, 'it is stored with its time: what a changed contracts.csv does to it is decided there, not here'),
('unreadable_file', false, 'deliver the repaired file: other bytes are another file, and it loads by itself');
call store.make_append_only('ledger.refusal_remedies');

-- The only way to a release: the new load, the rows that it supersedes and the audit entry are one act.
create function ledger.release_quarantined(
    asked_reason text, asked_tenant_id text, asked_file text, asked_row integer, first_day date, last_day date,
    decided_by text, because text
) returns table (release_load_id integer, source_file text, row_count integer)
language plpgsql security definer set search_path = pg_catalog, ledger as $$
declare
    asked record;
    made integer;
    copied integer;
begin
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise 'another run is metering or closing (lock meterline.process)' using errcode = 'lock_not_available';
    end if;
    for asked in
        select
            origin.load_id as origin_load_id, refused.load_id, origin.region, origin.content_sha256,
            origin.source_file, origin.received_date, array_agg(refused.row_number order by refused.row_number) as rows
        from store.quarantine as refused
        inner join ledger.refusal_remedies as known on refused.reason = known.reason and known.is_releasable
        inner join ledger.loads as loaded on refused.load_id = loaded.load_id and loaded.status = 'applied'
        inner join ledger.loads as origin on coalesce(loaded.released_load_id, loaded.load_id) = origin.load_id
        where
            refused.reason = coalesce(asked_reason, refused.reason)
            and (asked_tenant_id is null or refused.tenant_id = asked_tenant_id)
            and origin.source_file = coalesce(asked_file, origin.source_file)
            and refused.row_number = coalesce(asked_row, refused.row_number)
            and origin.received_date between coalesce(first_day, '-infinity') and coalesce(last_day, 'infinity')
            and not exists (
                select 1 from ledger.released_rows as released
                where released.load_id = refused.load_id and released.row_number = refused.row_number
            )
        group by origin.load_id, refused.load_id
        order by origin.source_file collate "C", origin.load_id, refused.load_id
    loop
        insert into ledger.loads as l (
            region, content_sha256, source_file, received_date, byte_count, message_count, status, detail,
            released_load_id, release_number
        )
        select
            asked.region, asked.content_sha256, asked.source_file, asked.received_date, 0, cardinality(asked.rows),
            'accepted', 'released by ' || decided_by || ': ' || because, asked.origin_load_id, max(n.release_number) + 1
        from ledger.loads as n
        where n.region = asked.region and n.content_sha256 = asked.content_sha256
        returning l.load_id into made;

        with plain as (
            insert into raw.messages (
                msg_seq, seq_epoch, device_ts, sent_ts, received_at, session_key, load_id, row_number, tenant_no,
                device_no, traits_no, metric_no, quantity
            )
            select
                msg_seq, seq_epoch, device_ts, sent_ts, received_at, session_key, made, row_number, tenant_no,
                device_no, traits_no, metric_no, quantity
            from raw.messages where load_id = asked.load_id and row_number = any(asked.rows)
            returning received_at
        ),
        odd as (
            insert into raw.odd_messages (load_id, row_number, fields, raw_text)
            select made, row_number, fields, raw_text
            from raw.odd_messages where load_id = asked.load_id and row_number = any(asked.rows)
            returning raw.instant_of(fields -> 'received_at' ->> 'v') as received_at
        ),
        brought as (
            select count(*) as row_count, min(received_at) as first_at, max(received_at) as last_at
            from (select received_at from plain union all select received_at from odd) as copies
        ),
        noted as (
            update ledger.loads as l set first_received_at = first_at, last_received_at = last_at
            from brought where l.load_id = made
        )
        select brought.row_count into copied from brought;
        if copied <> cardinality(asked.rows) then
            raise 'load % has % of the % rows to release in raw', asked.load_id, copied, cardinality(asked.rows);
        end if;
        insert into raw.extra_fields (load_id, row_number, fields)
        select made, row_number, fields
        from raw.extra_fields where load_id = asked.load_id and row_number = any(asked.rows);
        insert into ledger.released_rows (load_id, row_number, release_load_id)
        select asked.load_id, unnest(asked.rows), made;
        perform audit.append('quarantine', 'rows_released', jsonb_build_object(
            'release_load_id', made, 'load_id', asked.load_id, 'source_file', asked.source_file,
            'content_sha256', asked.content_sha256, 'rows', to_jsonb(asked.rows),
            'decided_by', decided_by, 'reason', because
        )::text);
        release_load_id := made;
        source_file := asked.source_file;
        row_count := copied;
        return next;
    end loop;
end
$$;
revoke execute on function ledger.release_quarantined from public;
grant execute on function ledger.release_quarantined to meterline_approver;

grant select on ledger.released_rows, ledger.refusal_remedies
to meterline_ingest, meterline_transform, meterline_finance, meterline_auditor, meterline_score, meterline_approver;

reset role;
