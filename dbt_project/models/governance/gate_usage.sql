-- What the usage gate judges before a close, measured; the limits are the gate's own.
with prices as (
    select
        due.tenant_no,
        due.period_no,
        count(*) as price_count,
        count(*) filter (where price.currency_code <> due.currency_code) as foreign_price_count
    from {{ ref('int_due_periods') }} as due
    inner join {{ ref('int_period_prices') }} as price using (tenant_no, period_no)
    group by due.tenant_no, due.period_no
),

devices as (
    select
        tenant_no,
        period_no,
        sum(event_count)::bigint as event_count,
        count(distinct device_no) as device_count,
        count(*) filter (where quantity is null) as unmeasured_count
    from {{ ref('int_rated_usage') }}
    group by tenant_no, period_no
),

-- No instant is invoiced twice: not by two due periods, not by a due one and one whose close stands.
collisions as (
    select due.tenant_no, due.period_no, count(*) as overlap_count
    from {{ ref('int_due_periods') }} as due
    inner join {{ ref('int_invoiced_periods') }} as other
        on due.tenant_no = other.tenant_no
        and due.period_no <> other.period_no
        and due.period_start_at < other.period_end_at
        and due.period_end_at > other.period_start_at
    group by due.tenant_no, due.period_no
),

-- Which of two registers is the device's own, nobody can tell from the readings.
registers as materialized (
    select tenant_no, period_no, count(*) as interleaved_count
    from (
        select distinct tenant_no, period_no, device_no, metric_no
        from {{ source('store', 'register_uses') }}
        where flag = 'interleaved'
    ) as interleaved
    group by tenant_no, period_no
),

-- The chains of these registers are not what the configuration says, until they are computed again.
exchanges as (
    select due.tenant_no, due.period_no, count(*) as unprocessed_exchange_count
    from {{ ref('int_due_periods') }} as due
    inner join {{ ref('int_exchange_changes') }} as change
        on due.tenant_no = change.tenant_no and due.period_end_at > change.exchanged_at
    group by due.tenant_no, due.period_no
),

-- Use in a period that was never closed and has no terms to be closed under.
unbilled as materialized (
    select distinct due.tenant_no, due.period_no
    from {{ ref('int_due_periods') }} as due
    inner join {{ source('store', 'usage_days') }} as used
        on due.tenant_no = used.tenant_no and due.period_no = used.period_no and used.event_count > 0
    where due.invoice_version is null and not {{ is_closed('due.tenant_no', 'due.period_no') }}
),

-- Counted by themselves, each over all that it reads.
estimates as materialized (
    select * from {{ ref('int_estimated_shares') }}
),

silence as materialized (
    select * from {{ ref('int_fleet_silence') }}
),

comparison as materialized (
    select * from {{ ref('int_usage_comparison') }}
),

holds as (
    select held.period_id, count(distinct hold.subject) as hold_count
    from {{ ref('standing_holds') }} as hold
    cross join unnest(string_to_array(hold.period_ids, ' ')) as held (period_id)
    where hold.gate = 'events'
    group by held.period_id
)

select
    due.period_id,
    due.contract_id,
    due.rate_card_id,
    due.currency_code,
    coalesce(devices.event_count, 0) as event_count,
    coalesce(devices.device_count, 0) as device_count,
    unbilled.period_no is not null as is_without_terms,
    (due.rate_card_id is not null and prices.price_count is null) as is_without_price,
    coalesce(prices.foreign_price_count, 0) as foreign_price_count,
    coalesce(devices.unmeasured_count, 0) as unmeasured_count,
    coalesce(collisions.overlap_count, 0) as overlap_count,
    coalesce(holds.hold_count, 0) as held_event_count,
    round(comparison.least_device_ratio, 4) as least_device_ratio,
    round(comparison.least_use_ratio, 4) as least_use_ratio,
    round(comparison.greatest_use_ratio, 4) as greatest_use_ratio,
    round(comparison.largest_device_ratio, 4) as largest_device_ratio,
    round(coalesce(estimates.greatest_estimated_ratio, 0), 4) as greatest_estimated_ratio,
    coalesce(estimates.overdrawn_count, 0) as overdrawn_count,
    coalesce(silence.silent_device_count, 0) as silent_device_count,
    silence.silent_ratio,
    coalesce(registers.interleaved_count, 0) as interleaved_count,
    coalesce(exchanges.unprocessed_exchange_count, 0) as unprocessed_exchange_count
from {{ ref('int_due_periods') }} as due
left join prices using (tenant_no, period_no)
left join devices using (tenant_no, period_no)
left join unbilled using (tenant_no, period_no)
left join collisions using (tenant_no, period_no)
left join estimates using (tenant_no, period_no)
left join silence using (tenant_no, period_no)
left join registers using (tenant_no, period_no)
left join exchanges using (tenant_no, period_no)
left join comparison using (tenant_no, period_no)
left join holds on due.period_id = holds.period_id
