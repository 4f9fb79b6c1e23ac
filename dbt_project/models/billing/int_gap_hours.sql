{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_periods_to_estimate)"
) }}

-- Whole hours of a period in which a device that reports at least hourly said nothing, with the readings around them.
-- A device counts from its activation or its first reading, until it is retired; one that was silent for the four
-- weeks before and all the period has nothing to learn from and no gap.
with series as (
    select
        hour.tenant_no, hour.rated_period_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no,
        hour.is_register, min(hour.hour_at) as first_hour_at
    from {{ ref('int_metered_hours') }} as hour
    group by
        hour.tenant_no, hour.rated_period_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no,
        hour.is_register
),

expected as (
    select series.*, expected_hour.hour_at
    from series
    inner join {{ ref('int_periods_to_estimate') }} as period
        using (tenant_no, rated_period_no, period_no, invoice_version)
    inner join {{ ref('stg_config__devices') }} as device
        on series.device_no = device.device_no and {{ in_force('device', 'period.config_load_id') }}
    inner join {{ ref('stg_config__device_types') }} as type
        on device.device_type = type.device_type and {{ in_force('type', 'period.config_load_id') }}
    cross join lateral generate_series(
        {{ hour_of("greatest(period.period_start_at, device.activated_at, series.first_hour_at)
            + interval '1 hour' - interval '1 microsecond'") }},
        least(period.period_end_at, period.estimated_until_at, device.retired_at) - interval '1 hour',
        interval '1 hour'
    ) as expected_hour (hour_at)
    where type.expected_interval_seconds <= {{ longest_estimated_interval_seconds() }}
),

every_hour as (
    select
        tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no, is_register, hour_at, quantity,
        hour_at as measured_at
    from {{ ref('int_metered_hours') }}
    union all
    select
        expected.tenant_no, expected.rated_period_no, expected.period_no, expected.invoice_version,
        expected.device_no, expected.metric_no, expected.is_register, expected.hour_at, null, null
    from expected
    where not exists (
        select 1 from {{ ref('int_metered_hours') }} as measured
        where
            measured.tenant_no = expected.tenant_no
            and measured.rated_period_no = expected.rated_period_no
            and measured.period_no = expected.period_no
            and measured.invoice_version = expected.invoice_version
            and measured.device_no = expected.device_no
            and measured.metric_no = expected.metric_no
            and measured.hour_at = expected.hour_at
    )
),

-- Hours between two readings share the number of readings before them, and that of readings after them.
numbered as (
    select
        *,
        count(quantity) over (
            partition by tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no
            order by hour_at
        ) as reading_count,
        count(quantity) over (
            partition by tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no
            order by hour_at desc
        ) as remaining_count
    from every_hour
),

surrounded as (
    select
        *,
        max(quantity) over since_reading as before_quantity,
        max(measured_at) over since_reading as before_at,
        max(quantity) over until_reading as after_quantity,
        max(measured_at) over until_reading as after_at
    from numbered
    window
        since_reading as (
            partition by tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no, reading_count
        ),
        until_reading as (
            partition by
                tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no, remaining_count
        )
)

select
    tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no, is_register, hour_at,
    before_at, before_quantity, after_at, after_quantity
from surrounded
where measured_at is null
