-- Whole billing cycles that a contract touches, as local dates, up to the horizon of what was received or dated.
with received as (
    select max(greatest(last_received_at, received_date + interval '1 day')) + interval '3 days' as ends_at
    from {{ source('ledger', 'loads') }}
),

-- A contract may trust a clock that runs far ahead; its events need their period too.
dated as (
    select max(event_at) + interval '1 day' as ends_at from {{ ref('int_dated_events') }}
),

-- A month that is asked to close has its periods whether or not anything was received in it.
asked as (
    select max(period_month + interval '1 month 2 days') as ends_at
    from {{ source('ledger', 'close_requests') }}
    where kind in ('close', 'preview') and finished_at is null
),

horizon as (
    select greatest(received.ends_at, dated.ends_at, asked.ends_at) as ends_at
    from received
    cross join dated
    cross join asked
),

contracts as (
    select
        contract.*,
        {{ local_date('contract.starts_at', 'contract.time_zone') }} as first_date,
        {{ local_date('least(contract.ends_at, horizon.ends_at)', 'contract.time_zone') }} as last_date
    from {{ ref('stg_config__contracts') }} as contract
    cross join horizon
    where contract.valid_to_load is null and contract.starts_at < horizon.ends_at
),

monthly as (
    select
        contracts.*,
        {{ anchored_date('month_start::date', 'anchor_day') }} as cycle_start_date,
        {{ anchored_date("(month_start + interval '1 month')::date", 'anchor_day') }} as cycle_end_date
    from contracts
    cross join lateral generate_series(
        date_trunc('month', first_date::timestamp) - interval '1 month',
        date_trunc('month', last_date::timestamp), interval '1 month'
    ) as months (month_start)
    where billing_cycle = 'monthly'
),

weekly as (
    select
        contracts.*,
        week_start::date as cycle_start_date,
        week_start::date + 7 as cycle_end_date
    from contracts
    cross join lateral generate_series(
        date_trunc('week', first_date::timestamp) - interval '1 week' + (anchor_day - 1) * interval '1 day',
        last_date::timestamp, interval '1 week'
    ) as weeks (week_start)
    where billing_cycle = 'weekly'
),

custom as (
    select
        contracts.*,
        calendar.cycle_start_date,
        calendar.cycle_end_date
    from contracts
    inner join {{ ref('stg_config__calendars') }} as calendar on contracts.billing_cycle = calendar.calendar
    where calendar.cycle_end_date > contracts.first_date and calendar.cycle_start_date <= contracts.last_date
)

select * from monthly
union all
select * from weekly
union all
select * from custom
