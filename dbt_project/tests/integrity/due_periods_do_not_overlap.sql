{{ config(meta={'dagster': {'ref': {'name': 'int_periods_to_rate'}}}) }}

-- No instant of a tenant is invoiced twice: not by two due periods, not by a due one and one whose close stands.
with standing as (
    select distinct on (tenant_no, period_no) tenant_no, period_no, period_start_at, period_end_at
    from {{ source('store', 'period_closes') }}
    order by tenant_no, period_no, invoice_version desc
),

due as (
    select tenant_no, period_no, period_start_at, period_end_at, tenant_id, period_start_date
    from {{ ref('int_periods_to_rate') }}
    where kind = 'close'
),

invoiced as (
    select tenant_no, period_no, period_start_at, period_end_at from due
    union all
    select tenant_no, period_no, period_start_at, period_end_at
    from standing
    where not exists (
        select 1 from due where due.tenant_no = standing.tenant_no and due.period_no = standing.period_no
    )
)

select
    due.tenant_id,
    due.period_start_date,
    other.period_start_at as other_period_start_at,
    other.period_end_at as other_period_end_at
from due
inner join invoiced as other
    on due.tenant_no = other.tenant_no
    and due.period_no <> other.period_no
    and due.period_start_at < other.period_end_at
    and due.period_end_at > other.period_start_at
