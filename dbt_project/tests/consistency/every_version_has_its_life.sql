{{ config(meta={'dagster': {'ref': {'name': 'invoice_transitions'}}}) }}

-- Every invoice version began as a draft that the gates cleared; it has a number if, and only if, it was ever issued;
-- and of the versions of a period at most one is owed, the last one that was issued.
with lives as (
    select
        invoice_id,
        invoice_version,
        min(from_status) filter (where transition_no = 2) as was_first,
        min(to_status) filter (where transition_no = 2) as was_second,
        bool_or(to_status = 'issued') as was_issued
    from {{ ref('invoice_transitions') }}
    group by invoice_id, invoice_version
),

checked as (
    select
        invoice.invoice_id,
        invoice.invoice_version,
        invoice.status,
        invoice.invoice_number,
        lives.was_first,
        lives.was_second,
        coalesce(lives.was_issued, false) as was_issued,
        bool_or(coalesce(lives.was_issued, false)) over (
            partition by invoice.invoice_id order by invoice.invoice_version
            rows between 1 following and unbounded following
        ) as is_followed
    from {{ ref('invoices') }} as invoice
    left join lives using (invoice_id, invoice_version)
)

select *
from checked
where
    row(was_first, was_second) is distinct from row('draft', 'gated')
    or was_issued <> (invoice_number is not null)
    or (status in ('issued', 'paid') and is_followed)
