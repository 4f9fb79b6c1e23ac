{{ config(materialized='scratch', tags=['close']) }}

-- A first version, or another one only where a line or the total changed (RULES 31). Descriptions do not count: other
-- words for the same amount are no amendment.
{%- set said = ['line_type', 'metric', 'charge_basis', 'charge', 'part', 'rate_card_id', 'rate_card_version',
    'price_model', 'tier_number', 'quantity', 'unit_price', 'estimated_quantity', 'amount'] %}
with rated as (
    select * from {{ ref('int_rated_invoices') }} where kind = 'close'
),

stored_lines as (
    select line.*
    from rated
    inner join {{ source('store', 'invoice_lines') }} as line
        on rated.tenant_no = line.tenant_no
        and rated.period_no = line.period_no
        and rated.invoice_version - 1 = line.invoice_version
),

rated_lines as (
    select line.*
    from rated
    inner join {{ ref('int_rated_lines') }} as line using (tenant_no, period_no, invoice_version)
),

changed_lines as (
    select distinct tenant_no, period_no
    from rated_lines
    full join stored_lines using (tenant_no, period_no, line_number)
    where
        row(rated_lines.{{ said | join(', rated_lines.') }})
        is distinct from row(stored_lines.{{ said | join(', stored_lines.') }})
),

-- A version that was made void leaves the period without an invoice, so another one takes its place as it is.
voided as (
    select tenant_no, period_no, invoice_version + 1 as invoice_version
    from {{ source('store', 'invoice_transitions') }}
    where to_status = 'void'
)

select
    rated.*,
    case
        when rated.invoice_version = 1 then 'scheduled'
        when voided.tenant_no is not null then 'reissue'
        else 'amendment'
    end as reason
from rated
left join voided using (tenant_no, period_no, invoice_version)
left join changed_lines using (tenant_no, period_no)
left join {{ source('store', 'invoices') }} as stored
    on rated.tenant_no = stored.tenant_no
    and rated.period_no = stored.period_no
    and rated.invoice_version - 1 = stored.invoice_version
where
    rated.invoice_version = 1
    or voided.tenant_no is not null
    or changed_lines.tenant_no is not null
    or row(rated.currency_code, rated.subtotal_amount, rated.tax_amount, rated.total_amount)
    is distinct from row(stored.currency_code, stored.subtotal_amount, stored.tax_amount, stored.total_amount)
