-- All loads of a received day with any load that the event store gate has not seen: it judges whole days.
select load.load_id, load.received_date
from {{ source('ledger', 'loads') }} as load
inner join (
    select distinct region, received_date
    from {{ source('ledger', 'loads') }}
    where status = 'applied' and events_judged_at is null
) as unseen using (region, received_date)
where load.status = 'applied'
