{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- What each row of the card charges for. Included units are prorated (RULES 13), kept to the ten decimals of a quantity
-- and taken off before the tiers, which start at 1 on the rest (RULES 27); a negative quantity is charged as none.
with measured as (
    select
        price.*,
        period.currency_code as invoice_currency_code,
        terms.rounding_mode,
        terms.device_end,
        coalesce(part.proration_numerator, share.proration_numerator) as proration_numerator,
        coalesce(part.proration_denominator, share.proration_denominator) as proration_denominator,
        coalesce(part.proration_unit, share.proration_unit) as proration_unit,
        coalesce(part.is_count_prorated, false) as is_count_prorated,
        part.first_date,
        part.last_date,
        -- Whether there was no use is known at the end.
        case when part.is_last is false then 'no_charge' else price.zero_quantity end as due_without_use,
        case price.charge_basis
            when 'active_devices' then
                case
                    when {{ is_device_prorated('price') }} then coalesce(measure.quantity, 0)
                    else coalesce(fleet.active_device_count, 0)
                end
            when 'usage' then coalesce(fleet.quantity, 0)
            when 'days' then coalesce(part.day_count, period.proration_numerator)
            -- The peaks themselves are steps of the charge.
            when 'peak_demand' then 0
            when 'monitored_hours' then coalesce(monitored.hour_count, 0)
            else coalesce(measure.quantity, 0)
        end as measured_quantity,
        case when price.charge_basis = 'usage' then coalesce(fleet.estimated_quantity, 0) else 0 end
            as estimated_quantity,
        -- Of a count of devices nothing is estimated.
        case price.charge_basis
            when 'active_devices' then array_remove(string_to_array(fleet.active_flags, ','), 'estimated')
            when 'usage' then string_to_array(fleet.flags, ',')
            when 'peak_demand' then string_to_array(fleet.flags, ',')
        end as flags,
        case when price.charge_basis = 'usage' then calibrated.calibrations end as calibrations,
        coalesce(fleet.event_count, 0)::bigint as event_count,
        round({{ prorated('price.included_units', 'included') }}, 10) as included_quantity
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_terms') }} as terms using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_period_shares') }} as share using (tenant_no, period_no, invoice_version)
    left join {{ ref('int_part_shares') }} as part
        on price.tenant_no = part.tenant_no
        and price.period_no = part.period_no
        and price.invoice_version = part.invoice_version
        and price.charge_no = part.charge_no
    cross join lateral (
        select
            coalesce(part.included_numerator, share.proration_numerator) as proration_numerator,
            coalesce(part.included_denominator, share.proration_denominator) as proration_denominator
    ) as included
    left join {{ ref('int_rated_fleet') }} as fleet
        on price.tenant_no = fleet.tenant_no
        and price.period_no = fleet.period_no
        and price.invoice_version = fleet.invoice_version
        and price.metric is not distinct from fleet.metric
    left join {{ ref('int_monitored_hours') }} as monitored
        on price.tenant_no = monitored.tenant_no
        and price.period_no = monitored.period_no
        and price.invoice_version = monitored.invoice_version
        and price.metric is not distinct from monitored.metric
    left join {{ ref('int_charge_measures') }} as measure
        on price.tenant_no = measure.tenant_no
        and price.period_no = measure.period_no
        and price.invoice_version = measure.invoice_version
        and price.charge_no = measure.charge_no
    left join {{ ref('int_calibrated_charges') }} as calibrated
        on price.tenant_no = calibrated.tenant_no
        and price.period_no = calibrated.period_no
        and price.invoice_version = calibrated.invoice_version
        and price.metric is not distinct from calibrated.metric
)

select
    tenant_no,
    period_no,
    invoice_version,
    charge_no,
    rate_card_id,
    rate_card_version,
    metric,
    charge_basis,
    charge,
    price_model,
    measured_by,
    attribute,
    timing,
    device_proration,
    device_end,
    weighting,
    due_without_use as zero_quantity,
    currency_code as card_currency_code,
    invoice_currency_code as currency_code,
    rounding_mode,
    fee_per_event,
    free_events,
    free_amount,
    minimum_per_event,
    maximum_per_event,
    event_count,
    proration_numerator,
    proration_denominator,
    proration_unit,
    is_count_prorated,
    first_date,
    last_date,
    measured_quantity::numeric(30, 10) as measured_quantity,
    estimated_quantity::numeric(30, 10) as estimated_quantity,
    {{ quality_flags('flags', 'estimated_quantity') }} as quality_flags,
    calibrations,
    included_quantity::numeric(30, 10) as included_quantity,
    greatest(measured_quantity - included_quantity, 0)::numeric(30, 10) as billable_quantity
from measured
