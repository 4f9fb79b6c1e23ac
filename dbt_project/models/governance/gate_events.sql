-- What the event store gate judges: the received day of each tenant as a whole, so that it does not matter in how many
-- files, or when, its messages came. Shares are measured only where there are enough messages for them.
with metrics as materialized (
    select * from {{ ref('int_delivered_metrics') }}
),

-- Fenced: what was refused of a load is looked up by its number, once.
refused as (
    select
        loads.received_date,
        (
            select tenant.tenant_no from {{ source('registry', 'tenants') }} as tenant
            where tenant.tenant_id = refusal.tenant_id
        ) as tenant_no,
        refusal.refused_count
    from {{ ref('int_unseen_loads') }} as loads
    cross join lateral (
        select refused.tenant_id, count(*) as refused_count
        from {{ source('store', 'quarantine') }} as refused
        where refused.load_id = loads.load_id and {{ is_still_refused('refused') }}
        group by refused.tenant_id
    ) as refusal
),

-- Side by side and then added up, not joined: nobody could tell the planner how many there are.
facts as (
    select
        received_date, tenant_no, event_count, 0 as refused_count, untrusted_count, greatest_ahead_seconds,
        largest_event_ratio, null::integer as period_no
    from metrics
    union all
    select received_date, tenant_no, 0, 0, null, null, null, unnest(period_nos) from metrics
    union all
    select received_date, tenant_no, 0, refused_count, null, null, null, null from refused
),

days as (
    select
        received_date,
        tenant_no,
        sum(event_count)::bigint as event_count,
        sum(refused_count)::bigint as refused_count,
        sum(event_count + refused_count)::bigint as message_count,
        sum(untrusted_count)::bigint as untrusted_count,
        max(greatest_ahead_seconds) as greatest_ahead_seconds,
        max(largest_event_ratio) as largest_event_ratio,
        array_agg(distinct period_no) filter (where period_no is not null) as period_nos
    from facts
    group by received_date, tenant_no
)

select
    tenant.tenant_id || '@' || days.received_date::text as tenant_day,
    tenant.tenant_id,
    days.received_date,
    touched.period_ids,
    days.message_count,
    days.event_count,
    days.refused_count,
    case when days.message_count >= {{ events_of_a_fleet() }}
        then round(days.refused_count::numeric / days.message_count, 4) end as refused_ratio,
    case when days.event_count >= {{ events_of_a_fleet() }}
        then round(days.untrusted_count::numeric / days.event_count, 4) end as untrusted_ratio,
    round(days.greatest_ahead_seconds) as greatest_ahead_seconds,
    round(days.largest_event_ratio, 4) as largest_event_ratio
from days
inner join {{ source('registry', 'tenants') }} as tenant on days.tenant_no = tenant.tenant_no
left join lateral (
    select string_agg(period.period_id, ' ' order by period.period_id) as period_ids
    from {{ ref('int_named_periods') }} as period
    where
        period.tenant_no = days.tenant_no
        and (
            (
                period.period_start_at < (days.received_date + 1)::timestamp at time zone 'UTC'
                and period.period_end_at > days.received_date::timestamp at time zone 'UTC'
            )
            or period.period_no = any(days.period_nos)
        )
) as touched on true
