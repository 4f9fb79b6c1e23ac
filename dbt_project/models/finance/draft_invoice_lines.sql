select
    draft.invoice_id,
    line.line_number,
    line.line_type,
    line.metric,
    line.charge_basis,
    line.charge,
    line.part,
    line.rate_card_id,
    line.rate_card_version,
    line.price_model,
    line.tier_number,
    line.quantity,
    line.unit_price,
    line.estimated_quantity,
    {{ line_quality('line') }} as quality,
    line.quality_flags,
    {{ round_money('line.amount', 'draft.currency_code') }} as amount,
    line.description,
    draft.currency_code,
    draft.as_of,
    draft.previewed_at
from {{ ref('draft_invoices') }} as draft
inner join {{ ref('int_named_periods') }} as period on draft.period_id = period.period_id
inner join {{ source('store', 'draft_lines') }} as line on period.period_no = line.period_no
