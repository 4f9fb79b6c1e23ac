{{ config(materialized='store', into='threshold_events', tags=['close']) }}

-- What use had passed before anybody knew that there is a threshold.
select
    passed.*,
    newest.load_id
from ({{ passed_thresholds(ref('int_previewed_use')) }}) as passed
cross join (
    select max(load_id) as load_id from {{ source('ledger', 'loads') }} where status = 'applied'
) as newest
