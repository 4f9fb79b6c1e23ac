{{ config(materialized='scratch', tags=['close']) }}

-- Registers whose device says how often it reports, in each period to rate whose contract may be estimated.
select
    period.kind, period.tenant_no, period.period_no, period.invoice_version, period.config_load_id,
    period.period_start_at, period.period_end_at, device.device_no, metric.metric_no,
    -- A preview takes no register for silent in what is still to come.
    least(device.retired_at, period.estimated_until_at) as retired_at,
    type.expected_interval_seconds * interval '1 second' as expected_interval
from {{ ref('int_periods_to_rate') }} as period
inner join {{ ref('stg_config__devices') }} as device
    on period.tenant_no = device.tenant_no and {{ in_force('device', 'period.config_load_id') }}
inner join {{ ref('stg_config__device_types') }} as type
    on device.device_type = type.device_type and {{ in_force('type', 'period.config_load_id') }}
inner join {{ ref('stg_config__metrics') }} as metric
    on {{ is_register('metric') }} and {{ in_force('metric', 'period.config_load_id') }}
where
    ({{ reads_current('period.kind') }} or period.kind = 'verify')
    and type.expected_interval_seconds is not null
    and exists (
        select 1 from {{ ref('stg_config__contracts') }} as contract
        where
            contract.tenant_no = period.tenant_no
            and contract.estimation <> 'none'
            and {{ in_force('contract', 'period.config_load_id') }}
    )
