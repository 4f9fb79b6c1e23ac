-- depends_on: {{ ref('store_period_closes') }}
select
    application.credit_id,
    invoice.invoice_id,
    application.invoice_version,
    period.tenant_id,
    period.period_id,
    invoice.currency_code,
    {{ round_money('application.available_amount', 'invoice.currency_code') }} as available_amount,
    {{ round_money('application.amount', 'invoice.currency_code') }} as amount,
    {{ is_newest_draw('application') }} as is_standing
from {{ source('store', 'credit_applications') }} as application
inner join {{ source('store', 'invoices') }} as invoice using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_named_periods') }} as period on application.period_no = period.period_no
