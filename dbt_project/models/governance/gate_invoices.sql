-- What the invoice gate judges before an invoice is published, measured; the limits are the gate's own.
with lines as (
    select
        tenant_no,
        period_no,
        invoice_version,
        count(*) as line_count,
        count(*) filter (
            where line_type = 'usage' and (rate_card_id is null or tier_number is null or unit_price is null)
        ) as unexplained_line_count
    from {{ ref('int_rated_lines') }}
    group by tenant_no, period_no, invoice_version
)

select
    invoice.invoice_id || ':v' || invoice.invoice_version::text as invoice,
    due.period_id,
    invoice.currency_code,
    invoice.subtotal_amount,
    invoice.tax_amount,
    invoice.total_amount,
    coalesce(lines.line_count, 0) as line_count,
    coalesce(lines.unexplained_line_count, 0) as unexplained_line_count,
    invoice.input_hash,
    issued.total_amount as issued_amount,
    previous.total_amount as previous_amount,
    -- Who pays, the customer or a prepaid credit, says nothing about the bill.
    round({{ amount_ratio(
        '(invoice.total_amount + invoice.prepaid_amount)', '(issued.total_amount + issued.prepaid_amount)'
    ) }}, 4) as amendment_ratio,
    round({{ amount_ratio(
        '(invoice.total_amount + invoice.prepaid_amount)',
        '((previous.total_amount + previous.prepaid_amount) * due.day_count / due.previous_day_count)'
    ) }}, 4) as period_ratio
from {{ ref('int_new_invoices') }} as invoice
left join lines using (tenant_no, period_no, invoice_version)
inner join {{ ref('int_due_periods') }} as due using (tenant_no, period_no)
left join {{ source('store', 'invoices') }} as issued
    on invoice.tenant_no = issued.tenant_no
    and invoice.period_no = issued.period_no
    and invoice.invoice_version - 1 = issued.invoice_version
left join {{ source('store', 'invoices') }} as previous
    on due.tenant_no = previous.tenant_no
    and due.previous_period_no = previous.period_no
    and due.previous_invoice_version = previous.invoice_version
