-- Hours with a reason to look at them, once per reason, with the limit that was passed.
select
    tenant_no, period_no, invoice_version, device_no, metric_no, hour_at,
    'low' as flag, quantity, min_use_per_hour as limit_value
from {{ ref('int_judged_hours') }}
where is_in_period and quantity < min_use_per_hour

union all

-- A register's jump beyond the limit is told by its chain, by the time that passed.
select
    tenant_no, period_no, invoice_version, device_no, metric_no, hour_at, 'high', quantity, max_use_per_hour
from {{ ref('int_judged_hours') }}
where is_in_period and not is_register and quantity > max_use_per_hour

union all

select tenant_no, period_no, invoice_version, device_no, metric_no, hour_at, 'spike', quantity, limit_value
from {{ ref('int_spike_hours') }}

union all

select tenant_no, period_no, invoice_version, device_no, metric_no, hour_at, 'stuck', quantity, limit_value
from {{ ref('int_stuck_hours') }}

union all

select
    gap.tenant_no, gap.period_no, gap.invoice_version, gap.device_no, gap.metric_no, gap.hour_at, 'gap', null,
    device.expected_interval_seconds
from {{ ref('int_gap_hours') }} as gap
inner join {{ ref('int_validated_devices') }} as device using (tenant_no, period_no, invoice_version, device_no)
where gap.rated_period_no = gap.period_no

union all

-- Readings that were set aside: they are billed with 0.
select
    flagged.tenant_no, flagged.period_no, flagged.invoice_version, flagged.device_no, flagged.metric_no,
    flagged.hour_at, case flagged.flag when 'jump' then 'high' else flagged.flag end, 0,
    case flagged.flag when 'jump' then device.max_use_per_hour end
from {{ ref('int_register_flags') }} as flagged
left join {{ ref('int_validated_devices') }} as device using (tenant_no, period_no, invoice_version, device_no)
where flagged.is_billed_here and flagged.flag in ('reverse', 'jump', 'interleaved')

union all

select tenant_no, period_no, invoice_version, device_no, metric_no, hour_at, flag, quantity, null
from {{ ref('int_marked_hours') }}
