-- What single events are charged for, in their order: an allowance ends with whichever of events and amount runs out
-- first, and the event that straddles the amount is charged for the excess.
with events as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.fee_per_event,
        charge.free_events, charge.free_amount, charge.minimum_per_event, charge.maximum_per_event,
        event.event_number, event.quantity as amount,
        coalesce(sum(event.quantity) over earlier, 0) as amount_before
    from {{ ref('int_charges') }} as charge
    inner join {{ source('registry', 'metrics') }} as metric on charge.metric = metric.metric
    inner join {{ ref('int_charge_events') }} as event using (tenant_no, period_no, invoice_version, metric_no)
    where charge.measured_by = 'events'
    window earlier as (
        partition by charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no
        order by event.event_number rows between unbounded preceding and 1 preceding
    )
),

charged as (
    select
        *,
        {{ charged_amount('event_number', 'amount', 'amount_before', 'free_events', 'free_amount') }} as charged_amount
    from events
)

select
    charged.tenant_no, charged.period_no, charged.invoice_version, charged.charge_no, charged.event_number,
    charged.charged_amount,
    charged.charged_amount * tier.unit_price + charged.fee_per_event as fee_amount,
    {{ bounded_fee(
        'charged.charged_amount * tier.unit_price + charged.fee_per_event',
        'charged.minimum_per_event', 'charged.maximum_per_event'
    ) }} as bounded_fee_amount
from charged
inner join {{ ref('int_period_tiers') }} as tier using (tenant_no, period_no, invoice_version, charge_no)
where charged.charged_amount is not null and tier.tier_number = 1
