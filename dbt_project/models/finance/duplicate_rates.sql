-- depends_on: {{ ref('store_repeats') }}
with arrivals as (
    select tenant_no, received_at, false as is_duplicate from {{ ref('int_event_state') }}
    union all
    select tenant_no, received_at, not is_conflict from {{ ref('int_repeat_state') }}
)

select
    tenant.tenant_id,
    {{ hour_of('arrivals.received_at') }} as hour_start_at,
    count(*) as message_count,
    count(*) filter (where arrivals.is_duplicate) as duplicate_count,
    round(count(*) filter (where arrivals.is_duplicate) / count(*)::numeric, 6) as duplicate_ratio
from arrivals
inner join {{ source('registry', 'tenants') }} as tenant on arrivals.tenant_no = tenant.tenant_no
group by tenant.tenant_id, hour_start_at
