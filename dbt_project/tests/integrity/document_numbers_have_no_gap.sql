{{ config(meta={'dagster': {'ref': {'name': 'store_period_closes'}}}) }}

-- Invoices, credit notes and debit notes of a legal entity are each numbered 1, 2, 3 and so on.
-- depends_on: {{ ref('store_period_closes') }}
select legal_entity, document_kind, min(document_no) as least_no, max(document_no) as greatest_no, count(*) as how_many
from {{ source('store', 'invoice_documents') }}
group by legal_entity, document_kind
having min(document_no) <> 1 or max(document_no) <> count(*) or count(distinct document_no) <> count(*)
