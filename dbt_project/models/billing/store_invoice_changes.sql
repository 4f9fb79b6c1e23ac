{{ config(
    materialized='store',
    into='invoice_changes',
    tags=['explain'],
    pre_hook=joins_of_whole_sets(),
    post_hook=["{{ finish_close_request('explain') }}"]
) }}

-- The pieces by device: each in proportion to what the device's own use changed by, in whole minor units, as
-- differences of a rounded running sum, so that the devices add up to the piece.
with pieces as (
    select piece.*, row_number() over () as piece_no
    from {{ ref('int_bridge_pieces') }} as piece
),

shares as (
    select
        piece.*, device.device_no, device.weight,
        sum(device.weight) over (partition by piece.piece_no order by device.device_no) as running,
        sum(device.weight) over (partition by piece.piece_no) as total
    from pieces as piece
    left join {{ ref('int_bridge_devices') }} as device
        on piece.tenant_no = device.tenant_no
        and piece.period_no = device.period_no
        and piece.variant_no = device.variant_no
        and piece.charge_basis = device.charge_basis
        and piece.metric is not distinct from device.metric
),

changes as (
    select
        *,
        case
            when device_no is null then amount
            else {{ round_money('(running * amount)::numeric(60, 20) / total', 'currency_code') }}
                - {{ round_money('((running - weight) * amount)::numeric(60, 20) / total', 'currency_code') }}
        end as device_amount
    from shares
),

-- What tiers moved is shown with the tiers; taken off here, a line and its crossing are one.
summed as (
    select
        tenant_no, period_no, component, line_type, metric, charge_basis, charge, part, tier_number, device_no,
        sum(device_amount) as amount
    from changes
    group by
        tenant_no, period_no, component, line_type, metric, charge_basis, charge, part, tier_number, device_no
)

select
    pair.tenant_no,
    pair.period_no,
    pair.invoice_version,
    row_number() over (
        partition by pair.tenant_no, pair.period_no
        order by
            array_position({{ bridge_components() }}, summed.component), summed.metric collate "C" nulls last,
            summed.charge_basis collate "C", summed.charge collate "C" nulls first, summed.part collate "C" nulls first,
            summed.line_type collate "C", summed.tier_number nulls last, device.device_id collate "C" nulls last
    )::integer as change_no,
    pair.previous_period_no,
    pair.previous_invoice_version,
    summed.component,
    summed.line_type,
    summed.metric,
    summed.charge_basis,
    summed.charge,
    summed.part,
    summed.tier_number,
    summed.device_no,
    summed.amount::numeric(20, 4) as amount
from summed
inner join {{ ref('int_bridge_pairs') }} as pair using (tenant_no, period_no)
left join {{ source('registry', 'devices') }} as device on summed.device_no = device.device_no
where summed.amount <> 0
