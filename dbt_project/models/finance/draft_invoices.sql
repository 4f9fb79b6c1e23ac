-- depends_on: {{ ref('store_draft_invoices') }}
-- A draft is one until its period closes.
select
    draft.invoice_id,
    period.tenant_id,
    period.period_id,
    draft.period_start_at,
    draft.period_end_at,
    draft.currency_code,
    {{ round_money('draft.subtotal_amount', 'draft.currency_code') }} as subtotal_amount,
    {{ round_money('draft.tax_amount', 'draft.currency_code') }} as tax_amount,
    {{ round_money('draft.prepaid_amount', 'draft.currency_code') }} as prepaid_amount,
    {{ round_money('draft.total_amount', 'draft.currency_code') }} as total_amount,
    draft.is_tax_included,
    'draft' as status,
    draft.as_of,
    draft.previewed_at,
    draft.input_hash
from {{ source('store', 'draft_invoices') }} as draft
inner join {{ ref('int_named_periods') }} as period on draft.period_no = period.period_no
where not {{ is_closed('draft.tenant_no', 'draft.period_no') }}
