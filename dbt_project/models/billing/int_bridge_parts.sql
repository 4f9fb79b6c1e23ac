-- The use of parts of a period in the variants of a bridge: as the invoice recorded it by whose terms the variant is
-- priced, scaled to what the fleet used in the variant.
with kept as (
    select
        price.tenant_no, price.period_no, price.invoice_version, price.charge_no, price.metric, closed.part,
        closed.window_start_at, closed.measured_quantity, closed.estimated_quantity,
        case when {{ is_swapped('price.invoice_version', 'price') }} then {{ bridge_swaps() | length }} else 0 end
            as own_variant,
        sum(closed.measured_quantity) over (
            partition by price.tenant_no, price.period_no, price.invoice_version, price.metric, price.charge_basis,
                price.charge
            order by closed.window_start_at, closed.part collate "C" rows unbounded preceding
        ) as running
    from {{ ref('int_bridge_pairs') }} as pair
    inner join {{ ref('int_period_prices') }} as price using (tenant_no, period_no)
    inner join {{ source('store', 'closed_intervals') }} as closed
        on price.tenant_no = closed.tenant_no
        and (closed.period_no, closed.invoice_version) = {{ bridged_close('pair', 'price.invoice_version', 'price') }}
        and price.charge_no = closed.charge_no
    where price.measured_by = 'time' and {{ is_part('price') }}
)

select
    kept.tenant_no, kept.period_no, kept.invoice_version, kept.charge_no, kept.part, kept.window_start_at,
    coalesce(
        {{ scaled_part('kept.running', 'kept.measured_quantity', 'own.quantity', 'coalesce(fleet.quantity, 0)') }},
        kept.measured_quantity
    ) as measured_quantity,
    kept.estimated_quantity
from kept
left join {{ ref('int_rated_fleet') }} as own
    on kept.tenant_no = own.tenant_no
    and kept.period_no = own.period_no
    and kept.own_variant = own.invoice_version
    and kept.metric = own.metric
left join {{ ref('int_rated_fleet') }} as fleet
    on kept.tenant_no = fleet.tenant_no
    and kept.period_no = fleet.period_no
    and kept.invoice_version = fleet.invoice_version
    and kept.metric = fleet.metric
