set role meterline_owner;

create type ledger.load_status as enum ('landed', 'blocked', 'accepted', 'claimed', 'applied', 'unreadable');

-- One row per file, by content: a renamed copy is the same load.
create table ledger.loads (
    load_id integer generated always as identity primary key,
    region text not null,
    content_sha256 text not null,
    source_file text not null,
    received_date date not null,
    byte_count bigint not null,
    message_count integer not null,
    status ledger.load_status not null,
    detail text,
    first_received_at timestamptz,
    last_received_at timestamptz,
    loaded_at timestamptz not null default clock_timestamp(),
    claimed_by text,
    claimed_at timestamptz,
    applied_at timestamptz,
    unique (region, content_sha256)
);
create index on ledger.loads (status) where status not in ('applied', 'unreadable');
comment on column ledger.loads.source_file is 'Smallest of the paths, relative to the landing root, at which these bytes were seen.';

-- Every path ever read, so that a file which was seen before is recognised by its stat without reading it.
create table ledger.paths (
    source_file text primary key,
    load_id integer not null references ledger.loads,
    byte_count bigint not null,
    fingerprint text not null
);

-- A model that adds to sums says here which load it has added, in the transaction that adds it.
create table ledger.marks (
    load_id integer not null references ledger.loads,
    model text not null,
    marked_at timestamptz not null default clock_timestamp(),
    primary key (load_id, model)
);

-- Slim rows as the loader prepared them: every text known to the registry is already its number.
create table raw.messages (
    msg_seq bigint not null,
    seq_epoch bigint not null,
    device_ts timestamptz not null,
    sent_ts timestamptz not null,
    received_at timestamptz not null,
    session_key bigint not null,
    load_id integer not null,
    row_number integer not null,
    tenant_no integer not null,
    device_no integer not null,
    traits_no integer not null,
    metric_no smallint not null,
    quantity numeric(20, 10) not null
);
create index on raw.messages using brin (load_id) with (pages_per_range = 16);
comment on column raw.messages.sent_ts is '-infinity stands for a message without one: a null would cost eight bytes on every row.';

-- Rows that are not plainly typed, or name what the registry does not know: as text, for SQL to judge.
create table raw.odd_messages (
    load_id integer not null,
    row_number integer not null,
    fields jsonb,
    raw_text text not null,
    primary key (load_id, row_number)
);
comment on column raw.odd_messages.fields is
'Field name to {"t": type, "v": text}, where type is text, number, float, object or other; null when the row does not parse.';

-- Versions of the dbt project whose relations were built here.
create table ledger.deployments (
    sha256 text not null,
    deployed_at timestamptz not null default clock_timestamp()
);

grant select on all tables in schema ledger, raw
to meterline_ingest, meterline_transform, meterline_auditor, meterline_finance, meterline_score;
grant insert on ledger.loads, ledger.paths, raw.messages, raw.odd_messages to meterline_ingest;
grant update on ledger.loads, ledger.paths to meterline_ingest;
grant insert on ledger.marks to meterline_transform;
grant update (status, claimed_by, claimed_at, applied_at) on ledger.loads to meterline_transform;

-- Text to time for rows of doubtful form: null where the text is no instant with a zone.
create function raw.instant_of(value text) returns timestamptz
language plpgsql immutable strict as $$
begin
    if value !~* '^\d{4}-\d{2}-\d{2}[t ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(z|[+-]\d{2}(:?\d{2})?)$' then
        return null;
    end if;
    return value::timestamptz;
exception when others then
    return null;
end
$$;
grant execute on function raw.instant_of to meterline_transform;

reset role;
