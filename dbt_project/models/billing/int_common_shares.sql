{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_property_periods)") }}

-- A day's common use shared among the units by their weights, to the last decimal: every unit gets its part rounded
-- down to the tenth decimal, and what is left goes one by one to the largest remainders, of equal ones to the first.
-- What falls to a unit that stands empty when the day ends stays with the landlord.
with used as (
    select
        day.view_no, day.metric_no, day.local_date, reading.unit_id, greatest(sum(reading.quantity), 0) as quantity
    from {{ ref('int_common_days') }} as day
    inner join {{ ref('int_unit_readings') }} as reading
        on day.view_no = reading.view_no
        and day.metric_no = reading.metric_no
        and reading.event_at >= day.day_start_at
        and reading.event_at < day.day_end_at
    where day.method = 'measured' and reading.unit_id is not null
    group by day.view_no, day.metric_no, day.local_date, reading.unit_id
),

weighed as (
    select
        day.*,
        unit.unit_id,
        occupied.occupancy_id,
        occupied.tenant_no,
        (case day.method
            when 'floor_area' then unit.floor_area
            when 'occupants' then coalesce(occupied.occupants, 0)
            when 'equal' then 1
            when 'measured' then coalesce(used.quantity, 0)
        end)::numeric as weight
    from {{ ref('int_common_days') }} as day
    inner join {{ ref('stg_config__units') }} as unit
        on day.property_id = unit.property_id and {{ in_force('unit', 'day.config_load_id') }}
    left join {{ ref('stg_config__occupancies') }} as occupied
        on unit.property_id = occupied.property_id
        and unit.unit_id = occupied.unit_id
        and {{ in_force('occupied', 'day.config_load_id') }}
        and {{ ends_within('day.day_end_at', 'occupied.starts_at', 'occupied.ends_at') }}
    left join used
        on day.view_no = used.view_no
        and day.metric_no = used.metric_no
        and day.local_date = used.local_date
        and unit.unit_id = used.unit_id
    where day.allocated_quantity > 0
),

divided as (
    select
        *,
        allocated_quantity * 10000000000 as parts,
        sum(weight) over (partition by view_no, metric_no, local_date) as total_weight
    from weighed
),

ranked as (
    select
        *,
        div(parts * weight, total_weight) as whole_parts,
        parts - sum(div(parts * weight, total_weight)) over (partition by view_no, metric_no, local_date) as left_parts,
        row_number() over (
            partition by view_no, metric_no, local_date
            order by mod(parts * weight, total_weight) desc, unit_id collate "C"
        ) as remainder_rank
    from divided
    where total_weight > 0
)

select
    view_no, property_id, metric_no, charged_metric_no, local_date, day_end_at, allocated_quantity, unit_id,
    occupancy_id, tenant_no, weight, total_weight,
    ((whole_parts + case when remainder_rank <= left_parts then 1 else 0 end) / 10000000000)::numeric(30, 10)
        as quantity
from ranked
