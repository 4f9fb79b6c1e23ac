{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_timed_charges)") }}

-- Events of closed versions whose charges ask when their use was: as the store stood at the close, registers as their
-- use; to reconcile with the late ones that were rejected. Not those of meters whose use is shared in a property. A
-- close never runs this.
with asked as (
    select distinct period.*, charge.metric_no, charge.is_register
    from {{ ref('int_timed_charges') }} as charge
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    where period.kind = 'reconcile' or (period.kind = 'verify' and not {{ is_folded('period') }})
),

found as (
    select
        event.tenant_no, event.closed_period_no as period_no, event.invoice_version, event.device_no, event.metric_no,
        event.event_at, event.quantity
    from (
        {{ events_as_of_close(
            'closed.period_no = states.period_no and closed.metric_no = states.metric_no',
            '(select * from asked where not is_register) as counters'
        ) }}
    ) as event

    union all

    select
        read.tenant_no, read.closed_period_no, read.invoice_version, read.device_no, read.metric_no, read.event_at,
        read.quantity
    from asked
    inner join {{ ref('int_verified_registers') }} as read
        on asked.tenant_no = read.tenant_no
        and asked.period_no = read.closed_period_no
        and asked.invoice_version = read.invoice_version
        and asked.metric_no = read.metric_no
    where asked.kind = 'verify' and asked.is_register and read.is_billed_here
)

select tenant_no, period_no, invoice_version, metric_no, event_at, quantity
from found
where not {{ is_shared('found') }}

union all

select late.tenant_no, late.period_no, asked.invoice_version, late.metric_no, late.event_at, late.quantity
from asked
inner join {{ ref('int_rejected_events') }} as late using (tenant_no, period_no, metric_no)
where asked.kind = 'reconcile'
