{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_period_prices where charge_basis = 'offline_hours')"
) }}

-- Whole hours in which devices with a declared cadence were silent, where a card credits them. Service begins and ends
-- as if with a message; what was heard before and after says nothing of it.
with served as (
    select
        price.tenant_no, price.period_no, price.invoice_version, device.device_no,
        types.expected_interval_seconds,
        greatest(price.period_start_at, device.activated_at) as from_at,
        least(price.period_end_at, device.retired_at, price.estimated_until_at) as until_at
    from (
        select distinct period.*
        from {{ ref('int_period_prices') }} as asked
        inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
        where asked.charge_basis = 'offline_hours' and period.kind <> 'explain'
    ) as price
    inner join {{ ref('stg_config__devices') }} as device
        on price.tenant_no = device.tenant_no and {{ in_force('device', 'price.config_load_id') }}
    inner join {{ ref('stg_config__device_types') }} as types
        on device.device_type = types.device_type
        and types.expected_interval_seconds is not null
        and {{ in_force('types', 'price.config_load_id') }}
),

heard as (
    select served.*, served.from_at as began_at, served.from_at as ended_at
    from served
    where from_at < until_at
    union all
    select served.*, served.until_at as began_at, served.until_at as ended_at
    from served
    where from_at < until_at
    union all
    select
        served.*,
        greatest(stretch.first_event_at, served.from_at) as began_at,
        least(stretch.last_event_at, served.until_at) as ended_at
    from served
    inner join {{ ref('int_heard_stretches') }} as stretch
        on served.tenant_no = stretch.tenant_no
        and served.period_no = stretch.period_no
        and served.invoice_version = stretch.invoice_version
        and served.device_no = stretch.device_no
        and served.from_at <= stretch.last_event_at
        and served.until_at > stretch.first_event_at
),

silences as (
    select
        heard.*,
        max(ended_at) over (
            partition by tenant_no, period_no, invoice_version, device_no
            order by began_at, ended_at rows between unbounded preceding and 1 preceding
        ) as silent_from_at
    from heard
)

select
    tenant_no, period_no, invoice_version, device_no,
    sum(floor(extract(epoch from began_at - silent_from_at) / 3600))::bigint as hour_count
from silences
where {{ is_silent('silent_from_at', 'began_at', 'expected_interval_seconds') }}
group by tenant_no, period_no, invoice_version, device_no
