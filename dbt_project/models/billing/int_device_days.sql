{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_period_prices as price where " ~ is_device_prorated('price') ~ ")"
) }}

-- How long each active device was in service in a period, where a card prorates devices: on how many local days, of
-- which one counts on which it was in service at all, as a day of a contract does (RULES 13), and how many seconds
-- passed. With an inclusive end the day on which a device is retired counts in full, as that on which a contract ends;
-- not in periods that were closed before ends of devices were read so.
with asked as (
    select distinct tenant_no, period_no, invoice_version
    from {{ ref('int_period_prices') }} as price
    where {{ is_device_prorated('price') }}
),

cycles as (
    select
        period.*,
        terms.device_end as proration_end,
        {{ local_midnight('cycle.first_date', 'period.time_zone') }} as cycle_start_at,
        {{ local_midnight('(cycle.first_date + period.proration_denominator)', 'period.time_zone') }} as cycle_end_at
    from asked
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    cross join lateral (
        select {{ local_date('period.period_start_at', 'period.time_zone') }} as first_date
    ) as own
    cross join lateral (select {{ cycle_start_date('own.first_date', 'period') }} as first_date) as cycle
),

paid as (
    select *, {{ paid_until('period_end_at', 'cycle_end_at') }} as paid_until_at
    from cycles
),

served as (
    select
        paid.*, active.device_no,
        greatest(paid.period_start_at, device.activated_at) as from_at,
        least(paid.period_end_at, device.retired_at) as until_at,
        least(paid.paid_until_at, {{ paid_until('device.retired_at', 'paid_until_at') }}) as served_until_at
    from paid
    inner join (
        select distinct tenant_no, period_no, invoice_version, device_no
        from {{ ref('int_rated_usage') }}
        where event_count > 0
    ) as active using (tenant_no, period_no, invoice_version)
    left join {{ ref('stg_config__devices') }} as device
        on active.device_no = device.device_no and {{ in_force('device', 'paid.config_load_id') }}
)

select
    tenant_no,
    period_no,
    invoice_version,
    device_no,
    case when from_at < until_at then {{ local_days('from_at', 'served_until_at', 'time_zone') }} else 0 end
        as service_days,
    {{ local_days('period_start_at', 'paid_until_at', 'time_zone') }} as period_days,
    {{ paid_days('served') }} as proration_numerator,
    proration_denominator,
    case when from_at < until_at then extract(epoch from served_until_at - from_at) else 0 end as service_seconds,
    extract(epoch from cycle_end_at - cycle_start_at) as cycle_seconds
from served
