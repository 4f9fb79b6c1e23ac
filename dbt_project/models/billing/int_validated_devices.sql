{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- Devices whose type says what is usual, under the configuration of the period's close.
select
    period.tenant_no,
    period.period_no,
    period.invoice_version,
    device.device_no,
    type.expected_interval_seconds,
    type.min_use_per_hour,
    type.max_use_per_hour,
    type.spike_factor,
    type.stuck_after_hours
from {{ ref('int_periods_to_rate') }} as period
inner join {{ ref('stg_config__devices') }} as device
    on period.tenant_no = device.tenant_no and {{ in_force('device', 'period.config_load_id') }}
inner join {{ ref('stg_config__device_types') }} as type
    on device.device_type = type.device_type and {{ in_force('type', 'period.config_load_id') }}
where ({{ reads_current('period.kind') }} or period.kind = 'verify') and {{ is_validated('type') }}
