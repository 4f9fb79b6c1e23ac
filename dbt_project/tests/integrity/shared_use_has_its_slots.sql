{{ config(meta={'dagster': {'ref': {'name': 'int_unit_slots'}}}) }}

-- The slots of what is shared in a property are that use, to the last decimal, and so are those of what of it is
-- estimated.
with asked as (
    select distinct tenant_no, period_no, invoice_version, metric_no, slot_minutes
    from {{ ref('int_timed_charges') }} as charge
    where charge.kind <> 'verify' or not {{ is_folded('charge') }}
),

used as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, asked.slot_minutes,
        sum(usage.quantity) as quantity, sum(usage.estimated_quantity) as estimated_quantity
    from asked
    inner join {{ ref('int_unit_usage') }} as usage using (tenant_no, period_no, invoice_version, metric_no)
    group by tenant_no, period_no, invoice_version, device_no, metric_no, asked.slot_minutes
),

slots as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes,
        sum(quantity) as quantity, sum(estimated_quantity) as estimated_quantity
    from {{ ref('int_unit_slots') }}
    group by tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes
)

select
    tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes,
    used.quantity, slots.quantity as in_slots, used.estimated_quantity,
    slots.estimated_quantity as estimated_in_slots
from used
full join slots using (tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes)
where
    coalesce(used.quantity, 0) <> coalesce(slots.quantity, 0)
    or coalesce(used.estimated_quantity, 0) <> coalesce(slots.estimated_quantity, 0)
