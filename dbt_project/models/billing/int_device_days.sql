{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_period_prices where device_proration = 'day')"
) }}

-- On how many local days of a period each active device was in service, where a card prorates devices. A day counts on
-- which it was in service at all, as a day of a contract does (RULES 13).
with asked as (
    select distinct tenant_no, period_no, invoice_version
    from {{ ref('int_period_prices') }}
    where device_proration = 'day'
),

served as (
    select
        period.*, active.device_no,
        greatest(period.period_start_at, device.activated_at) as from_at,
        least(period.period_end_at, device.retired_at) as until_at
    from asked
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join (
        select distinct tenant_no, period_no, invoice_version, device_no
        from {{ ref('int_rated_usage') }}
        where event_count > 0
    ) as active using (tenant_no, period_no, invoice_version)
    left join {{ ref('stg_config__devices') }} as device
        on active.device_no = device.device_no and {{ in_force('device', 'period.config_load_id') }}
)

select
    tenant_no,
    period_no,
    invoice_version,
    device_no,
    case when from_at < until_at then {{ local_days('from_at', 'until_at', 'time_zone') }} else 0 end as service_days,
    {{ local_days('period_start_at', 'period_end_at', 'time_zone') }} as period_days,
    proration_numerator,
    proration_denominator
from served
