-- Hours in which a tenant's share of duplicates left the band of the fourteen days before that day. The day itself is
-- not among them: what a fault begins in the morning must not be usual by the evening.
with days as (
    select tenant_no, received_date
    from {{ source('store', 'received_hours') }}
    group by tenant_no, received_date
),

habits as (
    select days.tenant_no, days.received_date, habit.*
    from days
    cross join lateral (
        select
            count(*) as hour_count,
            percentile_disc(0.5) within group (order by {{ duplicate_ratio('earlier') }}) as usual_ratio,
            array_agg({{ duplicate_ratio('earlier') }}) as ratios
        from {{ source('store', 'received_hours') }} as earlier
        where
            earlier.tenant_no = days.tenant_no
            and earlier.hour_start_at >= (days.received_date - {{ days_of_habit() }})::timestamp at time zone 'UTC'
            and earlier.hour_start_at < days.received_date::timestamp at time zone 'UTC'
            and earlier.message_count >= {{ messages_of_a_ratio() }}
    ) as habit
    where habit.hour_count >= {{ hours_of_a_habit() }}
),

bands as (
    select
        habits.tenant_no,
        habits.received_date,
        habits.hour_count,
        habits.usual_ratio,
        {{ duplicate_tolerance('spread.deviation') }} as tolerance
    from habits
    cross join lateral (
        select percentile_disc(0.5) within group (order by abs(ratio - habits.usual_ratio)) as deviation
        from unnest(habits.ratios) as earlier (ratio)
    ) as spread
)

select
    tenant.tenant_id,
    hour.hour_start_at,
    hour.received_date,
    hour.message_count,
    hour.duplicate_count,
    hour.duplicate_ratio,
    band.usual_ratio,
    round(greatest(band.usual_ratio - band.tolerance, 0), 6) as least_usual_ratio,
    round(least(band.usual_ratio + band.tolerance, 1), 6) as greatest_usual_ratio,
    band.hour_count as compared_hour_count
from bands as band
inner join (
    select *, {{ duplicate_ratio('counted') }} as duplicate_ratio
    from {{ source('store', 'received_hours') }} as counted
    where counted.message_count >= {{ messages_of_a_ratio() }}
) as hour
    on band.tenant_no = hour.tenant_no and band.received_date = hour.received_date
inner join {{ source('registry', 'tenants') }} as tenant on hour.tenant_no = tenant.tenant_no
where {{ is_unusual_ratio('hour', 'band.usual_ratio', 'band.tolerance') }}
