{{ config(
    materialized='store',
    into='threshold_events',
    tags=['load']
) }}

-- Thresholds that use has passed with this run, once each: a bound belongs to the tier below it, so use must be more.
select
    watched.tenant_no, watched.period_no, watched.metric_no, watched.device_no, watched.kind, watched.name,
    watched.threshold_quantity, watched.quantity, watched.last_event_at,
    newest.load_id
from {{ ref('int_watched_use') }} as watched
cross join (select max(load_id) as load_id from {{ ref('stg_loads') }}) as newest
where watched.quantity > watched.threshold_quantity and newest.load_id is not null
