-- How far each region has been received. A bucket is final five minutes after its end in this time (DESIGN section 4).
select
    region,
    max(last_received_at) as last_received_at,
    (max(received_date) + 1)::timestamp at time zone 'UTC' as received_until_at
from {{ source('ledger', 'loads') }}
where status = 'applied' and region is not null
group by region
