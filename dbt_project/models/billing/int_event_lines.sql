-- What a percentage costs beside the percentage: a fee for every event that is charged, and what the least and the most
-- of an event's fee add or take off.
with counted as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.fee_per_event,
        case charge.measured_by when 'events' then step.event_count else charge.event_count end as event_count,
        step.bounded_amount
    from {{ ref('int_charges') }} as charge
    inner join {{ ref('int_charge_steps') }} as step using (tenant_no, period_no, invoice_version, charge_no)
    where charge.price_model = 'percentage'
)

select
    tenant_no, period_no, invoice_version, charge_no, 'event_fee' as line_type,
    event_count::numeric as line_quantity, fee_per_event as line_price, event_count * fee_per_event as exact_amount,
    {{ number_words('event_count') }} || ' events at ' || {{ price_words('fee_per_event') }} as words
from counted
where event_count > 0 and fee_per_event <> 0

union all

select
    tenant_no, period_no, invoice_version, charge_no, 'event_bounds', 1, round(bounded_amount, 10),
    round(bounded_amount, 10),
    'least and most of an event''s fee'
from counted
where bounded_amount <> 0
