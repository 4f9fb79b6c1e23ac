{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_timed_charges) and exists (select 1 from billing.int_property_periods)"
) }}

-- When that of the common use was which stays with the tenant of the master meter: what it counted in a slot less
-- sub-meters and less the shares of others. Meters are not read together and days make up for each other, so a slot can
-- have too much for what another has too little. Nothing is billed below zero; so the slots of all that this tenant has
-- of the property are set off against each other, over the whole period, and the rest is what makes them come out so.
{%- set rest = 'partition by tenant_no, period_no, invoice_version, metric_no, slot_minutes, property_id' %}
with common as (
    select distinct
        shared.tenant_no, shared.period_no, shared.invoice_version, shared.device_no, shared.metric_no,
        shared.property_id, charge.slot_minutes, period.period_start_at, period.period_end_at, period.view_no
    from {{ ref('int_common_usage') }} as shared
    inner join {{ ref('int_timed_charges') }} as charge using (tenant_no, period_no, invoice_version, metric_no)
    inner join {{ ref('int_property_periods') }} as period
        using (tenant_no, period_no, invoice_version, property_id)
    where shared.occupancy_id = ''
),

paid as (
    select reading_no, sum(quantity) as quantity
    from {{ ref('int_occupied_uses') }}
    group by reading_no
),

-- Beside it what other meters of the property count for the same tenant: further masters, and of sub-meters what no
-- occupant pays.
counted as (
    select
        common.*,
        {{ slot_of('reading.event_at', 'common.slot_minutes') }} as slot_at,
        case
            when reading.device_no = common.device_no then reading.quantity
            when reading.meter_role = 'sub' then -reading.quantity
            else 0
        end as quantity,
        case
            when reading.tenant_no = common.tenant_no and reading.device_no <> common.device_no
                then reading.quantity - coalesce(paid.quantity, 0)
            else 0
        end as other_quantity
    from common
    inner join {{ ref('int_unit_readings') }} as reading
        on common.view_no = reading.view_no
        and common.metric_no = reading.metric_no
        and reading.event_at >= common.period_start_at
        and reading.event_at < common.period_end_at
    left join paid on reading.reading_no = paid.reading_no

    union all

    select common.*, share.slot_at, -share.quantity, 0
    from common
    inner join {{ ref('int_common_slots') }} as share
        on common.view_no = share.view_no
        and common.metric_no = share.metric_no
        and common.slot_minutes = share.slot_minutes
    where {{ ends_within('share.day_end_at', 'common.period_start_at', 'common.period_end_at') }}
),

slots as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes, property_id, slot_at,
        sum(other_quantity) as other_quantity,
        sum(quantity + other_quantity) as quantity,
        sum(sum(quantity + other_quantity)) over ({{ rest }}) as whole
    from counted
    group by tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes, property_id, slot_at
),

weighed as (
    select
        *,
        sum(weight) over ({{ rest }} order by slot_at) as until_slot,
        nullif(sum(weight) over ({{ rest }}), 0) as total
    from (select *, case when sign(quantity) = sign(whole) then quantity else 0 end as weight from slots) as weights
)

-- Differences of rounded running shares, so that the slots of a period are the period.
select
    tenant_no, period_no, invoice_version, device_no, metric_no, slot_minutes, property_id, slot_at,
    (
        coalesce(round(whole * until_slot / total, 10) - round(whole * (until_slot - weight) / total, 10), 0)
        - other_quantity
    )::numeric(30, 10) as quantity
from weighed
