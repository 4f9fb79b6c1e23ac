set role meterline_owner;

create table ledger.close_requests (
    close_id integer generated always as identity primary key,
    kind text not null check (kind in ('close', 'verify')),
    period_month date not null,
    as_of timestamptz,
    config_load_id integer not null,
    last_load_id integer not null,
    requested_at timestamptz not null default clock_timestamp(),
    requested_by text not null default session_user,
    finished_at timestamptz
);
comment on column ledger.close_requests.as_of is 'Null: as of what the tenant''s region has received.';
comment on table ledger.close_requests is 'Work for the billing models: they rate what the open request names.';

-- What a close made. Amounts are in the invoice's currency, rounded to its minor unit.
create table store.period_closes (
    close_id integer not null,
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    closed_at timestamptz not null,
    reason text not null,
    input_hash text not null,
    config_load_id integer not null,
    last_load_id integer not null,
    contract_id text not null,
    period_start_at timestamptz not null,
    period_end_at timestamptz not null,
    proration_numerator integer not null,
    proration_denominator integer not null,
    recorded_at timestamptz not null default clock_timestamp(),
    primary key (tenant_no, period_no, invoice_version)
);
comment on column store.period_closes.period_start_at is
'Bounds, contract and proration as the close found them: store.periods may be clipped anew by a later configuration.';
create table store.closed_usage (
    tenant_no integer not null,
    period_no integer not null,
    device_no integer not null,
    metric_no smallint not null,
    invoice_version integer not null,
    event_count bigint not null,
    skew_candidate_count bigint not null,
    first_event_at timestamptz not null,
    last_event_at timestamptz not null,
    quantity numeric(30, 10) not null,
    estimated_quantity numeric(30, 10) not null,
    primary key (tenant_no, period_no, invoice_version, device_no, metric_no)
);
create table store.invoices (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    invoice_id text not null,
    currency_code text not null,
    subtotal_amount numeric(20, 4) not null,
    tax_amount numeric(20, 4) not null,
    total_amount numeric(20, 4) not null,
    primary key (tenant_no, period_no, invoice_version)
);
create index on store.invoices (invoice_id);
create table store.invoice_lines (
    tenant_no integer not null,
    period_no integer not null,
    invoice_version integer not null,
    line_number integer not null,
    line_type text not null,
    metric text,
    charge_basis text,
    rate_card_id text,
    rate_card_version integer,
    price_model text,
    tier_number integer,
    quantity numeric(30, 10) not null,
    unit_price numeric(20, 10),
    amount numeric(20, 4) not null,
    description text not null,
    primary key (tenant_no, period_no, invoice_version, line_number)
);

grant select on all tables in schema store, ledger
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;
grant insert on store.period_closes, store.closed_usage, store.invoices, store.invoice_lines to meterline_transform;
grant insert on ledger.close_requests to meterline_transform;
grant update (finished_at) on ledger.close_requests to meterline_transform;

call store.make_append_only('store.period_closes');
call store.make_append_only('store.closed_usage');
call store.make_append_only('store.invoices');
call store.make_append_only('store.invoice_lines');

-- The audit log: one hash chain per stream. A row is hash(previous hash, sequence, time, actor, action, payload).
create table audit.log (
    stream text not null,
    seq bigint not null,
    recorded_at timestamptz not null,
    actor text not null,
    action text not null,
    payload text not null,
    previous_hash text not null,
    hash text not null,
    primary key (stream, seq)
);
call store.make_append_only('audit.log');

-- Every field goes in with its length in bytes, so that no two different entries give the same bytes.
create function audit.entry_hash(
    previous_hash text, stream text, seq bigint, recorded_at timestamptz, actor text, action text, payload text
) returns text language sql immutable as $$
    select encode(sha256(convert_to(string_agg(octet_length(field)::text || ':' || field, '' order by position), 'UTF8')), 'hex')
    from unnest(array[
        previous_hash, stream, seq::text,
        to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, action, payload
    ]) with ordinality as fields (field, position)
$$;

create function audit.append(log_stream text, log_action text, log_payload text) returns bigint
language plpgsql security definer set search_path = pg_catalog, audit as $$
declare
    tip audit.log;
    entry_time timestamptz := clock_timestamp();
    entry_seq bigint;
begin
    perform pg_advisory_xact_lock(hashtext('audit.log'), hashtext(log_stream));
    select * into tip from audit.log as l where l.stream = log_stream order by l.seq desc limit 1;
    entry_seq := coalesce(tip.seq, 0) + 1;
    insert into audit.log (stream, seq, recorded_at, actor, action, payload, previous_hash, hash)
    values (
        log_stream, entry_seq, entry_time, session_user, log_action, log_payload, coalesce(tip.hash, ''),
        audit.entry_hash(
            coalesce(tip.hash, ''), log_stream, entry_seq, entry_time, session_user, log_action, log_payload
        )
    );
    return entry_seq;
end
$$;
revoke execute on function audit.append from public;
grant select on audit.log to meterline_ingest, meterline_transform, meterline_finance, meterline_auditor, meterline_approver;
grant execute on function audit.append to meterline_ingest, meterline_transform, meterline_approver;

reset role;
