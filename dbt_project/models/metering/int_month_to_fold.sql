-- Events of the month that store.fold_month is folding, as they stand; of the last one it folded, nothing is left here.
select state.*
from {{ ref('int_event_state') }} as state
where {{ is_in_month_that_leaves('state.stored_device_ts') }}
