-- Events of the month that store.fold_month is folding, as they stand; of the last one it folded, nothing is left here.
select state.*, {{ is_register('metric') }} is true as is_register
from {{ ref('int_event_state') }} as state
left join {{ ref('stg_config__metrics') }} as metric
    on state.metric_no = metric.metric_no and metric.valid_to_load is null
where {{ is_in_month_that_leaves('state.stored_device_ts') }}
