-- Billed events as they were stored, by load: what a run brought, whatever became of it later.
select
    load_id,
    metric_no,
    event_at,
    quantity,
    {{ late_decision('disposition') }} as late_decision
from {{ source('store', 'events') }}
where {{ is_billed('disposition') }}
