-- What keeps a month in the event store, in the words of finance.
with blocks as (
    select
        block.month_start_at,
        block.precedence,
        block.kind,
        block.waits_for,
        count(*) as block_count,
        count(distinct block.tenant_no) as tenant_count,
        min(coalesce(period.period_id, metric.metric || ' of ' || tenant.tenant_id) collate "C") as example
    from {{ ref('int_month_blocks') }} as block
    left join {{ ref('int_named_periods') }} as period on block.period_no = period.period_no
    left join {{ source('registry', 'metrics') }} as metric on block.metric_no = metric.metric_no
    left join {{ source('registry', 'tenants') }} as tenant on block.tenant_no = tenant.tenant_no
    group by block.month_start_at, block.precedence, block.kind, block.waits_for
)

select
    blocks.month_start_at,
    string_agg(
        case blocks.kind
            when 'waiting_load' then {{ counted('blocks.block_count', 'file') }} || ' still to be metered'
            when 'open_period' then {{ counted_with_example('blocks', 'open period') }}
            when 'register'
                then {{ counted_with_example('blocks', 'register') }} || ', by whose readings later use is proven'
            when 'standing_level'
                then {{ counted_with_example('blocks', 'level') }} || ', by which an open period is billed'
            when 'late_use'
                then 'late use of ' || {{ counted_with_example('blocks', 'closed period') }}
                    || ', waiting for a ' || blocks.waits_for
        end,
        '; ' order by blocks.precedence, blocks.waits_for
    ) as blocked_by
from blocks
group by blocks.month_start_at
