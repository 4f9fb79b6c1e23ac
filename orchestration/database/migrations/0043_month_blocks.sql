set role meterline_owner;

create view store.months as
select
    month_start::timestamp at time zone 'UTC' as month_start_at,
    (month_start + interval '1 month')::timestamp at time zone 'UTC' as month_end_at
from pg_inherits as inherited
inner join pg_class as month on inherited.inhrelid = month.oid
cross join lateral (select to_date(right(month.relname, 6), 'YYYYMM') as month_start) as named
where inherited.inhparent = 'store.slim_events'::regclass and month.relname ~ '^events_[0-9]{6}$';
comment on view store.months is 'The months that the event store holds, one for each of its partitions.';
grant select on store.months
to meterline_ingest, meterline_transform, meterline_score, meterline_finance, meterline_auditor, meterline_approver;

-- Whether a month may leave the event store, which governance.int_month_blocks says, and from when on int_month_to_fold
-- shows it. Holds the lock of metering and closing until the transaction ends, so that what is read of the month is what
-- leaves.
create or replace function store.begin_fold(month_start date, decided_by_name text, decided_reason text) returns integer
language plpgsql security definer set search_path = pg_catalog, store as $$
declare
    partition_name text := 'events_' || to_char(month_start, 'YYYYMM');
    archive_name text;
    fold integer;
    block record;
begin
    if month_start is distinct from date_trunc('month', month_start)::date or to_regclass('store.' || partition_name) is null then
        raise exception 'the event store has no month %', month_start
            using errcode = 'object_not_in_prerequisite_state', hint = 'Give the first day of a month that holds events.';
    end if;
    if not pg_try_advisory_xact_lock(hashtext('meterline.process')) then
        raise exception 'another run is metering or closing (lock meterline.process)'
            using errcode = 'lock_not_available', hint = 'Wait for it or stop it.';
    end if;

    select
        found_block.kind,
        format('period %s of tenant %s', period.period_start_date, found_block.tenant_no) as of_period,
        format('metric %s of tenant %s', registered.metric, found_block.tenant_no) as of_metric,
        found_block.waits_for
    into block
    from governance.int_month_blocks as found_block
    left join store.periods as period on found_block.period_no = period.period_no
    left join registry.metrics as registered on found_block.metric_no = registered.metric_no
    where found_block.month_start_at = month_start::timestamp at time zone 'UTC'
    order by
        found_block.precedence, period.period_start_date, found_block.tenant_no, registered.metric collate "C",
        found_block.waits_for
    limit 1;
    if found then
        raise exception using
            errcode = 'object_not_in_prerequisite_state',
            message = case block.kind
                when 'waiting_load' then 'loads are waiting to be metered, and may know of events of the month'
                when 'open_period' then format('%s holds events of %s and is not closed', block.of_period, month_start)
                when 'register' then format(
                    '%s is a register, whose later use is proven from its readings of %s', block.of_metric, month_start
                )
                when 'standing_level' then format(
                    '%s is billed by time, and an open period begins with its level of %s', block.of_metric, month_start
                )
                when 'late_use' then format(
                    'late use of %s waits for a %s, and nobody proposes it once %s has left', block.of_period, block.waits_for,
                    month_start
                )
                else format('%s stays: %s', month_start, block.kind)
            end,
            hint = case block.kind
                when 'waiting_load' then 'Run meterline process first.'
                when 'open_period' then 'Close the period first.'
                when 'standing_level' then
                    'Keep the month until a later reading of each device came and the periods before it are closed.'
                when 'late_use' then 'Run meterline reconcile, then decide about its proposals.'
                else 'Keep the month in the event store.'
            end;
    end if;

    select 'archived_' || partition_name || case when count(*) > 0 then '_' || (count(*) + 1)::text else '' end
    into archive_name
    from store.folds as done
    where done.month_start_at = month_start::timestamp at time zone 'UTC';

    insert into store.folds (month_start_at, month_end_at, decided_by, reason, archived_as)
    values (
        month_start::timestamp at time zone 'UTC',
        (month_start + interval '1 month')::timestamp at time zone 'UTC',
        decided_by_name, decided_reason, archive_name
    )
    returning fold_no into fold;
    return fold;
end
$$;

reset role;
