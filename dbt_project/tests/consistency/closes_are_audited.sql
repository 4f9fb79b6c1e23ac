{{ config(meta={'dagster': {'ref': {'name': 'period_closes'}}}) }}

-- Every close stands in the audit log with its total and its input hash, and the log names no other.
with logged as (
    select payload::jsonb as entry
    from {{ source('audit', 'log') }}
    where stream = 'billing' and action = 'period_closed'
),

entries as (
    select
        entry ->> 'invoice_id' as invoice_id,
        (entry ->> 'invoice_version')::integer as invoice_version,
        (entry ->> 'total_amount')::numeric as total_amount,
        entry ->> 'input_hash' as input_hash
    from logged
),

closes as (
    select invoice.invoice_id, invoice.invoice_version, invoice.total_amount, closed.input_hash
    from {{ ref('invoices') }} as invoice
    inner join {{ ref('period_closes') }} as closed using (period_id, invoice_version)
)

select *
from closes
full join entries using (invoice_id, invoice_version)
where row(closes.total_amount, closes.input_hash) is distinct from row(entries.total_amount, entries.input_hash)
