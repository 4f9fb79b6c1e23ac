-- depends_on: {{ ref('store_invoice_changes') }}
select
    invoice.invoice_id,
    change.invoice_version,
    change.change_no,
    before.invoice_id as previous_invoice_id,
    change.previous_invoice_version,
    change.component,
    change.line_type,
    change.metric,
    change.charge_basis,
    change.charge,
    change.part,
    change.tier_number,
    device.device_id,
    {{ round_money('change.amount', 'invoice.currency_code') }} as amount,
    invoice.currency_code
from {{ source('store', 'invoice_changes') }} as change
inner join {{ source('store', 'invoices') }} as invoice using (tenant_no, period_no, invoice_version)
inner join {{ source('store', 'invoices') }} as before
    on change.tenant_no = before.tenant_no
    and change.previous_period_no = before.period_no
    and change.previous_invoice_version = before.invoice_version
left join {{ source('registry', 'devices') }} as device on change.device_no = device.device_no
