-- Counted where it lies, or as the manifest has it: what was purged is not here. `kept_from` is when its days begin.
select
    tenant_no,
    'deliveries' as kind,
    null::integer as file_no,
    received_date as first_date,
    received_date as last_date,
    'raw' as place,
    row_count,
    null::bigint as byte_count,
    {{ utc_midnight('received_date') }} as first_at,
    {{ utc_midnight('received_date + 1') }} as last_at,
    {{ utc_midnight('received_date') }} as first_received_at,
    {{ utc_midnight('received_date + 1') }} as last_received_at,
    {{ utc_midnight('received_date + 1') }} as kept_from
from {{ ref('int_retained_deliveries') }}

union all

select
    event.tenant_no,
    'events',
    null,
    min({{ month_of('event.device_ts') }}),
    min(({{ month_of('event.device_ts') }} + interval '1 month - 1 day')::date),
    'event store',
    count(*),
    null,
    min(event.event_at),
    max(event.event_at),
    min(event.received_at),
    max(event.received_at),
    greatest(max(event.received_at), max(event.event_at), max(period.period_end_at))
from {{ source('store', 'events') }} as event
left join {{ source('store', 'periods') }} as period on event.period_no = period.period_no
group by event.tenant_no, {{ month_of('event.device_ts') }}

union all

select
    file.tenant_no,
    case file.kind when 'events' then 'archived_events' else 'minute_totals' end,
    file.file_no,
    {{ month_of('fold.month_start_at') }},
    ({{ month_of('fold.month_start_at') }} + interval '1 month - 1 day')::date,
    file.path,
    file.row_count,
    file.byte_count,
    file.first_event_at,
    file.last_event_at,
    file.first_received_at,
    file.last_received_at,
    file.kept_from
from {{ source('ledger', 'archived_files') }} as file
inner join {{ source('store', 'folds') }} as fold on file.fold_no = fold.fold_no
where not exists (
    select 1
    from {{ source('ledger', 'purge_items') }} as item
    inner join {{ source('ledger', 'purges') }} as done on item.purge_no = done.purge_no
    where item.file_no = file.file_no
)
