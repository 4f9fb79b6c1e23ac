{{ config(meta={'dagster': {'ref': {'name': 'int_named_periods'}}}, tags=['audit']) }}

-- A tenant is never billed twice for the same instant (RULES 33), and a boundary never precedes its period's end
-- unless it was declared.
with ordered as (
    select
        period.*,
        lead(period.period_start_at) over (
            partition by period.tenant_no order by period.period_start_at
        ) as next_start_at
    from {{ ref('int_named_periods') }} as period
)

select ordered.*
from ordered
left join {{ ref('stg_config__period_overrides') }} as declared
    on ordered.tenant_no = declared.tenant_no
    and ordered.period_start_date = declared.period_start_date
    and declared.valid_to_load is null
where
    ordered.period_start_at >= ordered.period_end_at
    or ordered.next_start_at < ordered.period_end_at
    or (ordered.boundary_at < ordered.period_end_at and declared.closes_at is null)
    or ordered.proration_numerator not between 1 and ordered.proration_denominator
