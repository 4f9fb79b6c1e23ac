{{ config(meta={'dagster': {'ref': {'name': 'credit_balances'}}}) }}

-- What invoices drew is what credits paid, and no credit paid more than was granted, under whatever configuration.
select
    invoice.invoice_id as subject,
    invoice.prepaid_amount as expected_amount,
    coalesce(sum(draw.amount), 0) as drawn_amount
from {{ ref('invoices') }} as invoice
left join {{ ref('credit_applications') }} as draw using (invoice_id, invoice_version)
group by invoice.invoice_id, invoice.invoice_version, invoice.prepaid_amount
having invoice.prepaid_amount <> coalesce(sum(draw.amount), 0)

union all

select
    draw.credit_id as subject,
    max(draw.available_amount) as expected_amount,
    sum(draw.amount) as drawn_amount
from {{ ref('credit_applications') }} as draw
left join {{ ref('credit_balances') }} as credit using (credit_id)
where draw.is_standing
group by draw.credit_id, credit.amount
having credit.amount is null or sum(draw.amount) > credit.amount
