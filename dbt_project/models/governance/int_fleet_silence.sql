-- How much of their time the devices of a due period that have a declared cadence were silent.
with silence as (
    {{ device_silence(ref('int_due_periods')) }}
)

select
    tenant_no,
    period_no,
    count(*) as expected_device_count,
    count(*) filter (where silent_hours > 0) as silent_device_count,
    case when count(*) >= {{ devices_of_a_fleet() }}
        then round(sum(silent_hours) / nullif(sum(expected_hours), 0), 4) end as silent_ratio
from silence
group by tenant_no, period_no
