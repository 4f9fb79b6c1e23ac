{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_period_prices where charge_basis = 'offline_hours')"
) }}

-- When devices were heard, where a card credits hours offline: to close the hours of use, in which two messages are
-- never an hour apart; to verify the events as the close found them, to reconcile also late ones that were rejected.
with asked as (
    select distinct period.*
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    where price.charge_basis = 'offline_hours' and period.kind <> 'explain'
)

select tenant_no, period_no, asked.invoice_version, usage.device_no, usage.first_event_at, usage.last_event_at
from asked
inner join {{ source('store', 'usage_hours') }} as usage using (tenant_no, period_no)
where usage.event_count > 0 and asked.kind <> 'verify'

union all

select
    event.tenant_no, event.closed_period_no, event.invoice_version, event.device_no,
    event.event_at as first_event_at, event.event_at as last_event_at
from (
    {{ events_as_of_close(
        'closed.period_no = states.period_no', "(select * from asked where kind = 'verify') as verified"
    ) }}
) as event

union all

select
    late.tenant_no, late.period_no, asked.invoice_version, late.device_no, late.event_at as first_event_at,
    late.event_at as last_event_at
from asked
inner join {{ ref('int_rejected_events') }} as late using (tenant_no, period_no)
where asked.kind = 'reconcile'
