{{ config(meta={'dagster': {'ref': {'name': 'billing_events'}}}, tags=['audit']) }}

-- One identity is one event over a tenant's whole history, whatever became of it.
select event_id, count(*) as event_count
from (
    select event_id from {{ ref('billing_events') }}
    union all
    select event_id from {{ ref('late_events') }} where billed_period_id is null
) as published
group by event_id
having count(*) > 1
