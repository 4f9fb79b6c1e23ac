select
    usage.*,
    {{ local_midnight(
        local_date('usage.bucket_start_at', 'period.time_zone') ~ ' + 1', 'period.time_zone'
    ) }} as bucket_end_at
from {{ source('store', 'usage_days') }} as usage
inner join {{ source('store', 'periods') }} as period on usage.period_no = period.period_no
