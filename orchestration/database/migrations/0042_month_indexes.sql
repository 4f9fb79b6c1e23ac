set role meterline_owner;

-- The b-tree indexes of the event store's months: what each takes, and what it would take freshly built. Devices append in
-- the middle of the key, so that pages split in halves and stay so; a fresh index has nine tenths of each page full.
-- A page of it holds floor(0.9 * (page - 40) / (12 + key)) entries: 24 bytes of a page are its header and 16 its links, 8
-- of an entry its own header and 4 the pointer to it, and the key fills whole multiples of 8. The few pages above the
-- leaves, less than a hundredth, are left out; entries of equal keys are kept as lists, which makes a fresh one smaller
-- than said here. How many rows a page of the table holds is as it was last counted, how many pages there are is as it
-- stands: nothing is ever deleted there.
create view store.month_indexes as
with members as (
    select
        to_date(right(month.relname, 6), 'YYYYMM') as month_start,
        month.relname as table_name,
        member.relname as index_name,
        definition.indisvalid as is_valid,
        pg_relation_size(member.oid) as index_bytes,
        current_setting('block_size')::integer as page_bytes,
        (
            select case when min(attlen) > 0 then sum(attlen) end from pg_attribute where attrelid = member.oid
        ) as key_bytes,
        -- A partial index has a count of its own, which vacuum leaves at 0.
        case when definition.indpred is null then nullif(month.reltuples, -1) else nullif(member.reltuples, 0) end::numeric
        / nullif(month.relpages, 0) as entries_a_page,
        pg_relation_size(month.oid) / current_setting('block_size')::integer as month_pages
    from pg_inherits as inherited
    inner join pg_class as month on inherited.inhrelid = month.oid
    inner join pg_index as definition on month.oid = definition.indrelid
    inner join pg_class as member on definition.indexrelid = member.oid
    inner join pg_am as method on member.relam = method.oid
    where
        inherited.inhparent = 'store.slim_events'::regclass
        and month.relname ~ '^events_[0-9]{6}$'
        and method.amname = 'btree'
),

counted as (
    select *, case when month_pages = 0 then 0 else entries_a_page * month_pages end as entry_count
    from members
),

estimated as (
    select
        *,
        -- Later, events hardly come any more.
        month_start < (date_trunc('month', statement_timestamp() at time zone 'UTC') - interval '1 month')::date as is_over,
        page_bytes * ceil(entry_count / floor(0.9 * (page_bytes - 40) / (12 + 8 * ceil(key_bytes / 8.0)))) as fresh_bytes
    from counted
)

select
    month_start,
    table_name,
    index_name,
    is_valid,
    is_over,
    round(entry_count)::bigint as entry_count,
    index_bytes,
    fresh_bytes::bigint as fresh_bytes,
    -- A rebuild reads the whole month: not for less than a fifth, nor for a megabyte.
    is_over and is_valid and index_bytes - fresh_bytes > greatest(fresh_bytes / 5, 1024 * 1024) as is_bloated,
    -- Of a rebuild that was stopped: written with every event, read by nobody.
    is_over and not is_valid and index_name ~ '_cc(new|old)[0-9]*$' as is_left_over
from estimated;
comment on view store.month_indexes is
'Indexes of the months of the event store, with the bytes that they take and those that they would take freshly built.';
comment on column store.month_indexes.is_over is 'Neither the current month (UTC) nor the last one.';
comment on column store.month_indexes.entry_count is 'Estimated; null where the month was never counted (analyze).';
grant select on store.month_indexes
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;

reset role;
