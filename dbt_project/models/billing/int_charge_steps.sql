{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- The quantities that the tiers of a charge price, each alone: all of it, one per attribute value, or what is charged
-- of single events. A value for which the card has no price of its own has that of its empty part.
with devices as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no,
        coalesce(
            case charge.attribute
                when 'device_type' then device.device_type
                when 'property_id' then device.property_id
                when 'device_id' then registered.device_id
            end,
            ''
        ) as part,
        case
            when {{ is_device_prorated('charge') }} then {{ prorated_devices('served', 'charge') }}
            else sum(case
                when charge.charge_basis = 'usage' then usage.quantity
                when usage.event_count > 0 then 1
                else 0
            end)
        end as quantity
    from {{ ref('int_charges') }} as charge
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ source('registry', 'metrics') }} as metric on charge.metric = metric.metric
    inner join {{ ref('int_rated_usage') }} as usage
        using (tenant_no, period_no, invoice_version, metric_no)
    inner join {{ source('registry', 'devices') }} as registered on usage.device_no = registered.device_no
    left join {{ ref('stg_config__devices') }} as device
        on usage.device_no = device.device_no and {{ in_force('device', 'period.config_load_id') }}
    left join {{ ref('int_device_days') }} as served
        on usage.tenant_no = served.tenant_no
        and usage.period_no = served.period_no
        and usage.invoice_version = served.invoice_version
        and usage.device_no = served.device_no
        and usage.event_count > 0
    where charge.measured_by = 'devices' or (charge.measured_by = 'shares' and period.kind <> 'explain')
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, charge.device_proration, part
),

attributes as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no,
        coalesce(traits.attributes ->> charge.attribute, '') as part,
        sum(event.quantity) as quantity
    from {{ ref('int_charges') }} as charge
    inner join {{ source('registry', 'metrics') }} as metric on charge.metric = metric.metric
    inner join {{ ref('int_charge_events') }} as event using (tenant_no, period_no, invoice_version, metric_no)
    inner join {{ source('registry', 'traits') }} as traits on event.traits_no = traits.traits_no
    where charge.measured_by = 'attributes'
    group by
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, part
),

steps as (
    select
        tenant_no, period_no, invoice_version, charge_no, '' as part, null::timestamptz as window_start_at,
        0::numeric as quantity_before, billable_quantity as quantity, null::bigint as event_count,
        null::numeric as bounded_amount
    from {{ ref('int_charges') }}
    where measured_by = 'fleet'
    union all
    select tenant_no, period_no, invoice_version, charge_no, '', null, 0, billable_quantity, null, null
    from {{ ref('int_charges') }}
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    where measured_by = 'hours' and period.kind <> 'explain'
    union all
    select tenant_no, period_no, invoice_version, charge_no, part, null, 0, greatest(quantity, 0), null, null
    from devices
    union all
    select tenant_no, period_no, invoice_version, charge_no, part, null, 0, greatest(quantity, 0), null, null
    from attributes
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, quantity_before,
        greatest(quantity, 0) as quantity, null, null
    from {{ ref('int_charge_intervals') }}
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, '', null, 0, sum(charged_amount), count(*),
        sum(bounded_fee_amount - fee_amount)
    from {{ ref('int_event_fees') }}
    group by tenant_no, period_no, invoice_version, charge_no
    union all
    select
        tenant_no, period_no, invoice_version, charge_no, part, window_start_at, quantity_before, quantity, event_count,
        bounded_amount
    from {{ ref('int_bridge_steps') }}
)

select
    tenant_no, period_no, invoice_version, charge_no,
    -- Values without a price of their own are one part; a price that an event carries is a part of its own.
    case when charge.price_model = 'matrix' then coalesce(priced.part, '') else steps.part end as part,
    coalesce(priced.part, '') as price_part,
    steps.window_start_at,
    steps.quantity_before::numeric(30, 10) as quantity_before,
    steps.quantity::numeric(30, 10) as quantity,
    steps.event_count,
    steps.bounded_amount
from steps
inner join {{ ref('int_charges') }} as charge using (tenant_no, period_no, invoice_version, charge_no)
left join (
    select distinct tenant_no, period_no, invoice_version, charge_no, part from {{ ref('int_period_tiers') }}
) as priced using (tenant_no, period_no, invoice_version, charge_no, part)
