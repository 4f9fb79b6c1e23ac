-- depends_on: {{ ref('store_invoice_changes') }}
with components as (
    select
        tenant_no, period_no, invoice_version, previous_period_no, previous_invoice_version,
        {%- for name in bridge_swaps() + ['tier_crossing', 'adjustment', 'tax', 'rounding', 'credits'] %}
        min(change_no) filter (where component = '{{ name }}') as {{ name }}_first_no,
        max(change_no) filter (where component = '{{ name }}') as {{ name }}_last_no,
        coalesce(sum(amount) filter (where component = '{{ name }}'), 0) as {{ name }}_amount{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ source('store', 'invoice_changes') }}
    group by tenant_no, period_no, invoice_version, previous_period_no, previous_invoice_version
),

told as (
    select
        components.*, later.invoice_id, later.currency_code, before.invoice_id as previous_invoice_id,
        before.total_amount as previous_total_amount, later.total_amount
    from components
    inner join {{ source('store', 'invoices') }} as later using (tenant_no, period_no, invoice_version)
    inner join {{ source('store', 'invoices') }} as before
        on components.tenant_no = before.tenant_no
        and components.previous_period_no = before.period_no
        and components.previous_invoice_version = before.invoice_version
)

select
    invoice_id,
    invoice_version,
    previous_invoice_id,
    previous_invoice_version,
    {{ round_money('previous_total_amount', 'currency_code') }} as previous_total_amount,
    {{ round_money('total_amount', 'currency_code') }} as total_amount,
    {{ round_money('total_amount - previous_total_amount', 'currency_code') }} as difference_amount,
    {%- for name in bridge_swaps() + ['tier_crossing', 'adjustment', 'tax', 'rounding', 'credits'] %}
    {{ round_money(name ~ '_amount', 'currency_code') }} as {{ name }}_amount,
    {%- endfor %}
    currency_code,
    {{ change_words('told') }} as explanation
from told
