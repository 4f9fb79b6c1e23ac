{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_property_periods)") }}

-- The part of each reading's use that lies in an occupancy of the meter's unit. A reading at the moment of a move
-- belongs to who moves out; between readings use is spread evenly, and what that gives is an estimate. What an occupant
-- used before he left counts before he left, whenever it was read.
select
    reading.reading_no, reading.view_no, reading.property_id, reading.unit_id, reading.device_no, reading.metric_no,
    occupied.occupancy_id, occupied.tenant_no, reading.event_at, reading.is_skew_candidate,
    least(reading.event_at, occupied.ends_at - interval '1 microsecond') as counted_at,
    whose.is_read_here::integer as event_count,
    shared.quantity::numeric(30, 10) as quantity,
    (case when shared.quantity = reading.quantity then 0 else shared.quantity end)::numeric(30, 10)
        as estimated_quantity
from {{ ref('int_unit_readings') }} as reading
inner join {{ ref('stg_config__occupancies') }} as occupied
    on reading.property_id = occupied.property_id
    and reading.unit_id = occupied.unit_id
    and reading.event_at > occupied.starts_at
    and (reading.began_at < occupied.ends_at or reading.event_at <= occupied.ends_at)
    and {{ in_force('occupied', 'reading.config_load_id') }}
cross join lateral (select reading.event_at <= occupied.ends_at as is_read_here) as whose
cross join lateral (
    select case
        when reading.began_at = reading.event_at then reading.quantity
        else {{ used_until('occupied.ends_at', 'reading') }} - {{ used_until('occupied.starts_at', 'reading') }}
    end as quantity
) as shared
where whose.is_read_here or shared.quantity <> 0
