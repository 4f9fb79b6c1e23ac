-- Rows of applied loads by tenant and day of receipt, counted where they lie. What waits in quarantine for a
-- configuration is not among them, for it may be released.
with rows as (
    select load_id, row_number, tenant_no from {{ source('raw', 'messages') }}
    union all
    select odd.load_id, odd.row_number, tenant.tenant_no
    from {{ source('raw', 'odd_messages') }} as odd
    inner join {{ source('registry', 'tenants') }} as tenant on odd.fields -> 'tenant_id' ->> 'v' = tenant.tenant_id
)

select
    rows.tenant_no,
    loads.received_date,
    count(*) as row_count
from rows
inner join {{ source('ledger', 'loads') }} as loads on rows.load_id = loads.load_id and loads.status = 'applied'
left join {{ source('ledger', 'waiting_refusals') }} as refused
    on rows.load_id = refused.load_id and rows.row_number = refused.row_number
where refused.load_id is null
group by rows.tenant_no, loads.received_date
