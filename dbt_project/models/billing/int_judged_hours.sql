{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_periods_to_estimate)"
) }}

-- Hours of devices whose type says what is usual, where the use was measured: not where a register's chain began anew
-- or set a reading aside.
select
    hour.*,
    hour.hour_at >= period.period_start_at as is_in_period,
    {{ local_hour_of('hour.hour_at', 'period.time_zone') }} as local_hour,
    device.min_use_per_hour,
    device.max_use_per_hour,
    device.spike_factor,
    device.stuck_after_hours
from {{ ref('int_metered_hours') }} as hour
inner join {{ ref('int_validated_devices') }} as device using (tenant_no, period_no, invoice_version, device_no)
inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
where hour.rated_period_no = hour.period_no and not exists (
    select 1 from {{ ref('int_register_flags') }} as flagged
    where
        flagged.tenant_no = hour.tenant_no
        and flagged.period_no = hour.period_no
        and flagged.invoice_version = hour.invoice_version
        and flagged.device_no = hour.device_no
        and flagged.metric_no = hour.metric_no
        and flagged.hour_at = hour.hour_at
)
