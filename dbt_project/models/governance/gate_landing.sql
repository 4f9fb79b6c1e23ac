-- What the landing gate judges: loads that landed, and blocked ones that somebody has decided upon.
with waiting as (
    select
        loads.*,
        loads.source_file || '@' || left(loads.content_sha256, 8) as load
    from {{ source('ledger', 'loads') }} as loads
    where
        loads.status = 'landed'
        or (
            loads.status = 'blocked'
            and exists (
                select 1 from {{ source('ledger', 'gate_overrides') }} as decided
                where
                    decided.gate = 'landing'
                    and decided.subject = loads.source_file || '@' || left(loads.content_sha256, 8)
            )
        )
),

stretches as (
    {{ stretches('waiting') }}
),

copied as (
    select load_id, row_number, false as is_nameless
    from ({{ rows_of_loads(source('raw', 'messages'), 'waiting', 'stretches') }}) as plain
    union all
    select load_id, row_number, coalesce(not fields ?| array['tenant_id', 'device_id'], true) as is_nameless
    from {{ source('raw', 'odd_messages') }}
    where load_id = any(array(select load_id from waiting))
),

counted as (
    select
        load_id,
        count(*) as row_count,
        count(distinct row_number) as row_number_count,
        count(*) filter (where is_nameless) as nameless_count
    from copied
    group by load_id
)

select
    waiting.load,
    waiting.load_id,
    waiting.source_file,
    waiting.region,
    waiting.received_date,
    waiting.message_count as record_count,
    coalesce(counted.row_count, 0) as row_count,
    coalesce(counted.row_number_count, 0) as row_number_count,
    case when waiting.message_count >= {{ records_of_a_delivery() }}
        then round(coalesce(counted.nameless_count, 0)::numeric / waiting.message_count, 4) end as nameless_ratio
from waiting
left join counted on waiting.load_id = counted.load_id
