-- What would be invoiced once the open close is published: its due periods, and the others as their last close left
-- them.
with standing as (
    select distinct on (tenant_no, period_no) tenant_no, period_no, period_start_at, period_end_at
    from {{ source('store', 'period_closes') }}
    order by tenant_no, period_no, invoice_version desc
)

select tenant_no, period_no, period_start_at, period_end_at
from {{ ref('int_due_periods') }}
where invoice_version is not null

union all

select standing.*
from standing
left join {{ ref('int_due_periods') }} as due using (tenant_no, period_no)
where due.invoice_version is null
