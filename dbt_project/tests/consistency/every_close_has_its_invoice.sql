{{ config(meta={'dagster': {'ref': {'name': 'period_closes'}}}) }}

-- A close and its invoice come together (RULES 15), and versions count from 1 without a gap.
select
    closed.period_id,
    closed.invoice_version as closed_version,
    invoice.period_id as invoiced_period_id,
    invoice.invoice_version
from {{ ref('period_closes') }} as closed
full join {{ ref('invoices') }} as invoice
    on closed.period_id = invoice.period_id and closed.invoice_version = invoice.invoice_version
where closed.period_id is null or invoice.period_id is null

union all

select period_id, max(invoice_version), null, count(*)
from {{ ref('period_closes') }}
group by period_id
having max(invoice_version) <> count(*)
