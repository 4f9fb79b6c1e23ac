{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_close_request where kind = 'explain')"
) }}

-- Invoices of the asked month, in the newest version, beside the tenant's invoice of the period before. A change of
-- currency has no difference; what was explained before stays as it was told.
with newest as (
    select distinct on (tenant_no, period_no) *
    from {{ source('store', 'period_closes') }}
    order by tenant_no, period_no, invoice_version desc
)

select
    request.close_id,
    later.tenant_no,
    later.period_no,
    later.invoice_version,
    before.period_no as previous_period_no,
    before.invoice_version as previous_invoice_version
from {{ ref('int_close_request') }} as request
inner join {{ source('store', 'periods') }} as period on request.period_month = period.last_local_month
inner join newest as later on period.tenant_no = later.tenant_no and period.period_no = later.period_no
inner join newest as before on later.tenant_no = before.tenant_no and later.period_start_at = before.period_end_at
inner join {{ source('store', 'invoices') }} as later_invoice
    on later.tenant_no = later_invoice.tenant_no
    and later.period_no = later_invoice.period_no
    and later.invoice_version = later_invoice.invoice_version
inner join {{ source('store', 'invoices') }} as before_invoice
    on before.tenant_no = before_invoice.tenant_no
    and before.period_no = before_invoice.period_no
    and before.invoice_version = before_invoice.invoice_version
    and later_invoice.currency_code = before_invoice.currency_code
where
    request.kind = 'explain'
    and not exists (
        select 1 from {{ source('store', 'invoice_changes') }} as told
        where
            told.tenant_no = later.tenant_no
            and told.period_no = later.period_no
            and told.invoice_version = later.invoice_version
            and told.previous_invoice_version = before.invoice_version
    )
