{{ config(materialized='store', into='threshold_events', tags=['load']) }}

select
    passed.*,
    newest.load_id
from ({{ passed_thresholds(ref('int_watched_use')) }}) as passed
cross join (select max(load_id) as load_id from {{ ref('stg_loads') }}) as newest
where newest.load_id is not null
