-- No instant of a tenant is invoiced twice: not by two due periods, not by a due one and one closed before.
with invoiced as (
    select tenant_no, period_no, period_start_at, period_end_at from {{ ref('int_periods_to_rate') }}
    union all
    select tenant_no, period_no, period_start_at, period_end_at from {{ source('store', 'period_closes') }}
)

select distinct due.tenant_id, due.period_start_date, other.period_start_at as other_period_start_at
from {{ ref('int_periods_to_rate') }} as due
inner join invoiced as other
    on due.tenant_no = other.tenant_no
    and due.period_no <> other.period_no
    and due.period_start_at < other.period_end_at
    and due.period_end_at > other.period_start_at
where due.kind = 'close'
