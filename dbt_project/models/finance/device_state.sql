-- depends_on: {{ ref('store_device_receipts') }}
-- depends_on: {{ ref('store_usage_days_recomputed') }}
with heard as (
    select
        receipt.tenant_no,
        receipt.device_no,
        receipt.last_received_at,
        (
            select max(latest.last_event_at)
            from (
                select distinct known.tenant_no, known.device_no, known.metric_no
                from {{ source('store', 'high_water') }} as known
                where known.tenant_no = receipt.tenant_no and known.device_no = receipt.device_no
            ) as mark
            cross join lateral (
                select day.last_event_at
                from {{ source('store', 'usage_days') }} as day
                where
                    day.tenant_no = mark.tenant_no
                    and day.device_no = mark.device_no
                    and day.metric_no = mark.metric_no
                    and day.event_count > 0
                order by day.bucket_start_at desc, day.last_event_at desc
                limit 1
            ) as latest
        ) as last_event_at
    from {{ source('store', 'device_receipts') }} as receipt
),

devices as (
    select
        device.*,
        watermark.received_until_at,
        type.expected_interval_seconds,
        heard.last_received_at,
        heard.last_event_at
    from {{ ref('stg_config__devices') }} as device
    left join {{ ref('int_tenant_watermarks') }} as watermark on device.tenant_no = watermark.tenant_no
    left join {{ ref('stg_config__device_types') }} as type
        on device.device_type = type.device_type and type.valid_to_load is null
    left join heard on device.tenant_no = heard.tenant_no and device.device_no = heard.device_no
    where device.valid_to_load is null
),

judged as (
    select
        *,
        case
            when retired_at <= received_until_at then 'retired'
            when last_received_at is null then 'never_reported'
            when expected_interval_seconds is null then 'unknown_cadence'
            when {{ is_silent('last_received_at', 'received_until_at', 'expected_interval_seconds') }} then 'silent'
            else 'reporting'
        end as state
    from devices
)

select
    judged.tenant_id,
    judged.device_id,
    judged.device_type,
    judged.state,
    judged.last_event_at,
    judged.last_received_at,
    case when judged.state = 'silent'
        then judged.last_received_at
        + judged.expected_interval_seconds::double precision * interval '1 second' end as silent_since_at,
    judged.expected_interval_seconds,
    judged.received_until_at as as_of_at
from judged
