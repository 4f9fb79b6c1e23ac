-- depends_on: {{ ref('store_usage_days_recomputed') }}
-- Devices of contracts that pay by the monitored hour. One that is not commissioned yet, or no longer, owes no hours.
with charged as (
    select distinct
        period.tenant_no, period.tenant_id, period.period_no, period.period_id, period.period_start_at,
        period.period_end_at, card.metric
    from {{ ref('int_named_periods') }} as period
    inner join {{ ref('stg_config__contracts') }} as contract
        on period.tenant_no = contract.tenant_no
        and period.contract_id = contract.contract_id
        and contract.valid_to_load is null
    inner join {{ ref('stg_config__rate_cards') }} as card
        on contract.rate_card_id = card.rate_card_id
        and card.charge_basis = 'monitored_hours'
        and card.valid_to_load is null
),

devices as (
    select
        charged.*, device.device_no, device.device_id,
        greatest(charged.period_start_at, device.activated_at) as from_at,
        least(charged.period_end_at, device.retired_at) as until_at
    from charged
    inner join {{ ref('stg_config__devices') }} as device
        on charged.tenant_no = device.tenant_no and device.valid_to_load is null
),

hours as (
    select used.tenant_no, used.device_no, used.period_no, used.bucket_start_at, metric.metric
    from {{ source('store', 'usage_hours') }} as used
    inner join {{ source('registry', 'metrics') }} as metric on used.metric_no = metric.metric_no
    where used.event_count > 0
)

select
    device.tenant_id,
    device.period_id,
    device.device_id,
    device.metric,
    count(distinct hours.bucket_start_at) as monitored_hours,
    greatest(round((extract(epoch from device.until_at - device.from_at) / 3600)::numeric, 2), 0) as period_hours,
    greatest(
        round((extract(epoch from device.until_at - device.from_at) / 3600)::numeric, 2)
        - count(distinct hours.bucket_start_at),
        0
    ) as offline_hours
from devices as device
left join hours
    on device.tenant_no = hours.tenant_no
    and device.device_no = hours.device_no
    and device.period_no = hours.period_no
    and (device.metric is null or device.metric = hours.metric)
where device.from_at < device.until_at
group by
    device.tenant_id, device.period_no, device.period_id, device.device_no, device.device_id, device.metric,
    device.from_at, device.until_at
