-- Estimated hours of the newest version of each invoice.
select estimate.*
from {{ source('store', 'closed_estimates') }} as estimate
where not exists (
    select 1
    from {{ source('store', 'period_closes') }} as newer
    where
        newer.tenant_no = estimate.tenant_no
        and newer.period_no = estimate.period_no
        and newer.invoice_version > estimate.invoice_version
)
