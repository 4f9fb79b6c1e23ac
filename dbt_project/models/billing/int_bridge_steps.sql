-- What the charges of a bridge's variants price that is no sum over devices: the steps of the invoice before, scaled to
-- the later total where volume is swapped, then those of the later invoice. If the two price lists divide the use
-- differently, the later steps come with the later prices.
with steps as (
    select
        pair.tenant_no, pair.period_no, side.is_later, kept.metric, kept.charge_basis, kept.charge, kept.divided_by,
        kept.step_no, kept.part, kept.window_start_at, kept.quantity_before, kept.quantity, kept.event_count,
        kept.bounded_amount,
        sum(kept.quantity) over (
            partition by pair.tenant_no, pair.period_no, side.is_later, kept.charge_no order by kept.step_no
        ) as running,
        sum(kept.quantity) over (
            partition by pair.tenant_no, pair.period_no, side.is_later, kept.charge_no
        ) as total
    from {{ ref('int_bridge_pairs') }} as pair
    cross join lateral (
        values (false, previous_period_no, previous_invoice_version), (true, period_no, invoice_version)
    ) as side (is_later, period_no, invoice_version)
    inner join {{ source('store', 'closed_steps') }} as kept
        on pair.tenant_no = kept.tenant_no
        and side.period_no = kept.period_no
        and side.invoice_version = kept.invoice_version
),

charges as (
    select charge.*, later.total as later_total, later.divided_by is not null as is_alike
    from {{ ref('int_charges') }} as charge
    left join (
        select distinct tenant_no, period_no, metric, charge_basis, charge, divided_by, total from steps where is_later
    ) as later
        on charge.tenant_no = later.tenant_no
        and charge.period_no = later.period_no
        and charge.metric is not distinct from later.metric
        and charge.charge_basis = later.charge_basis
        and charge.charge = later.charge
        and {{ divided_by('charge') }} = later.divided_by
    where
        charge.measured_by not in ('fleet', 'devices')
        and charge.first_date is null
        and (charge.tenant_no, charge.period_no) in (select tenant_no, period_no from {{ ref('int_bridge_pairs') }})
)

select
    charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, step.part, step.window_start_at,
    case when scaled.is_scaled then scaled.quantity_before else step.quantity_before end as quantity_before,
    case when scaled.is_scaled then scaled.quantity else step.quantity end as quantity,
    step.event_count,
    step.bounded_amount
from charges as charge
inner join steps as step
    on charge.tenant_no = step.tenant_no
    and charge.period_no = step.period_no
    and charge.metric is not distinct from step.metric
    and charge.charge_basis = step.charge_basis
    and charge.charge = step.charge
    and {{ divided_by('charge') }} = step.divided_by
    and step.is_later = (
        {{ is_swapped('charge.invoice_version', 'price') }}
        or (charge.is_alike and {{ is_swapped('charge.invoice_version', 'mix') }})
    )
cross join lateral (
    select
        not step.is_later and charge.is_alike and step.total <> 0
        and {{ is_swapped('charge.invoice_version', 'volume') }} as is_scaled,
        {{ scaled_part('step.running', 'step.quantity', 'step.total', 'charge.later_total') }} as quantity,
        round((step.quantity_before * charge.later_total)::numeric(60, 20) / nullif(step.total, 0), 10)
            as quantity_before
) as scaled
