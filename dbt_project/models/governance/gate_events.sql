-- What the event store gate judges: the received day of each tenant as a whole, so that it does not matter in how many
-- files, or when, its messages came. Shares are measured only where there are enough messages for them.
with metrics as materialized (
    select * from {{ ref('int_delivered_metrics') }}
),

events as (
    select
        received_date,
        tenant_no,
        sum(event_count)::bigint as event_count,
        sum(untrusted_count)::bigint as untrusted_count,
        max(greatest_ahead_seconds) as greatest_ahead_seconds,
        max(largest_event_ratio) as largest_event_ratio
    from metrics
    group by received_date, tenant_no
),

refused as (
    select loads.received_date, tenant.tenant_no, count(*) as refused_count
    from {{ source('store', 'quarantine') }} as refusal
    inner join {{ ref('int_unseen_loads') }} as loads on refusal.load_id = loads.load_id
    inner join {{ source('registry', 'tenants') }} as tenant on refusal.tenant_id = tenant.tenant_id
    where {{ is_still_refused('refusal') }}
    group by loads.received_date, tenant.tenant_no
),

days as (
    select
        received_date,
        tenant_no,
        coalesce(events.event_count, 0) as event_count,
        coalesce(refused.refused_count, 0) as refused_count,
        coalesce(events.event_count, 0) + coalesce(refused.refused_count, 0) as message_count,
        events.untrusted_count,
        events.greatest_ahead_seconds,
        events.largest_event_ratio
    from events
    full join refused using (received_date, tenant_no)
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
            or period.period_no in (
                select unnest(metrics.period_nos) from metrics
                where metrics.tenant_no = days.tenant_no and metrics.received_date = days.received_date
            )
        )
) as touched on true
