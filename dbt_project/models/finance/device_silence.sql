-- depends_on: {{ ref('store_usage_days_recomputed') }}
with silence as (
    {{ device_silence(ref('int_named_periods')) }}
)

select
    tenant.tenant_id,
    silence.period_id,
    named.device_id,
    silence.expected_interval_seconds,
    silence.expected_hours,
    silence.silent_hours
from silence
inner join {{ source('registry', 'tenants') }} as tenant on silence.tenant_no = tenant.tenant_no
inner join {{ source('registry', 'devices') }} as named on silence.device_no = named.device_no
where silence.silent_hours > 0
