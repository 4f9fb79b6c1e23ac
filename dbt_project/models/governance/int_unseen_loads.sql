-- All loads of a received day with any load that the event store gate has not seen: it judges whole days. Days are a
-- membership to test: taken for one, as the planner does, they would all be gone through for every load.
select load.load_id, load.received_date
from {{ source('ledger', 'loads') }} as load
where
    load.status = 'applied'
    and coalesce(
        (load.region, load.received_date) in (
            select unseen.region, unseen.received_date
            from {{ source('ledger', 'loads') }} as unseen
            where unseen.status = 'applied' and unseen.events_judged_at is null
        ), false
    )
