{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_property_periods)"
) }}

-- Who pays for what of a property, in the periods that are rated: occupants for what their units used and for their
-- part of the common use; the tenant whose meters they are for what is left of both.
with occupants as (
    select
        period.tenant_no, period.period_no, period.invoice_version, part.device_no, part.metric_no, part.property_id,
        part.unit_id, part.occupancy_id, 'sub_meter' as source, sum(part.event_count) as event_count,
        sum(part.event_count) filter (where part.is_skew_candidate) as skew_candidate_count,
        min(part.event_at) filter (where part.event_count > 0) as first_event_at,
        max(part.event_at) filter (where part.event_count > 0) as last_event_at,
        sum(part.quantity) as quantity, sum(part.estimated_quantity) as estimated_quantity
    from {{ ref('int_property_periods') }} as period
    inner join {{ ref('int_occupied_uses') }} as part
        on period.view_no = part.view_no
        and period.tenant_no = part.tenant_no
        and part.counted_at >= period.period_start_at
        and part.counted_at < period.period_end_at
    group by
        period.tenant_no, period.period_no, period.invoice_version, part.device_no, part.metric_no, part.property_id,
        part.unit_id, part.occupancy_id
),

landlords as (
    select
        period.tenant_no, period.period_no, period.invoice_version, reading.device_no, reading.metric_no,
        reading.property_id, reading.unit_id, '' as occupancy_id, 'sub_meter' as source,
        count(*) - sum(coalesce(paid.event_count, 0)) as event_count,
        count(*) filter (where reading.is_skew_candidate and coalesce(paid.event_count, 0) = 0) as skew_candidate_count,
        min(reading.event_at) filter (where coalesce(paid.event_count, 0) = 0) as first_event_at,
        max(reading.event_at) filter (where coalesce(paid.event_count, 0) = 0) as last_event_at,
        sum(reading.quantity - coalesce(paid.quantity, 0)) as quantity,
        sum(reading.quantity - paid.quantity) filter (where paid.quantity <> 0 and paid.quantity <> reading.quantity)
            as estimated_quantity
    from {{ ref('int_property_periods') }} as period
    inner join {{ ref('int_unit_readings') }} as reading
        on period.view_no = reading.view_no
        and period.tenant_no = reading.tenant_no
        and reading.event_at >= period.period_start_at
        and reading.event_at < period.period_end_at
    left join (
        select reading_no, sum(event_count) as event_count, sum(quantity) as quantity
        from {{ ref('int_occupied_uses') }}
        group by reading_no
    ) as paid on reading.reading_no = paid.reading_no
    where reading.unit_id is not null
    group by
        period.tenant_no, period.period_no, period.invoice_version, reading.device_no, reading.metric_no,
        reading.property_id, reading.unit_id
)

select
    tenant_no, period_no, invoice_version, device_no, metric_no, property_id, unit_id, occupancy_id, source,
    event_count::bigint as event_count, coalesce(skew_candidate_count, 0)::bigint as skew_candidate_count,
    first_event_at, last_event_at, quantity::numeric(30, 10) as quantity,
    coalesce(estimated_quantity, 0)::numeric(30, 10) as estimated_quantity
from (
    select * from occupants
    union all
    select * from landlords
    union all
    select * from {{ ref('int_common_usage') }}
) as paid
