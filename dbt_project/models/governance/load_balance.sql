-- The same count over everything ever loaded. What was released of a file is counted with the file: once the release
-- has been metered, its outcomes take the place of the refusals.
with balance as (
    {{ load_balance(false, kept_messages(false)) }}
),

released as (
    select load_id, count(*) as row_count
    from {{ ref('int_released_rows') }}
    group by load_id
),

counted as (
    select
        coalesce(loads.released_load_id, loads.load_id) as load_id,
        balance.message_count - coalesce(released.row_count, 0) as message_count,
        balance.stored_count,
        balance.duplicate_count,
        balance.quarantined_count - coalesce(released.row_count, 0) as quarantined_count,
        balance.late_not_billed_count
    from balance
    inner join {{ source('ledger', 'loads') }} as loads on balance.load_id = loads.load_id
    left join released on balance.load_id = released.load_id
    where loads.released_load_id is null or loads.status = 'applied'
)

select
    counted.load_id,
    file.region,
    file.received_date,
    file.source_file,
    sum(counted.message_count)::bigint as message_count,
    sum(counted.stored_count)::bigint as stored_count,
    sum(counted.duplicate_count)::bigint as duplicate_count,
    sum(counted.quarantined_count)::bigint as quarantined_count,
    sum(counted.late_not_billed_count)::bigint as late_not_billed_count
from counted
inner join {{ source('ledger', 'loads') }} as file on counted.load_id = file.load_id
group by counted.load_id, file.region, file.received_date, file.source_file
