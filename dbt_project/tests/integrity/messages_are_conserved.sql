{{ config(tags=['audit']) }}

-- What the blocking check said of each run still holds over all of them: arrivals that changed their part since
-- (a kept one that became a duplicate) are counted once and no more.
select balance.*
from {{ ref('load_balance') }} as balance
inner join {{ source('ledger', 'loads') }} as loads on balance.load_id = loads.load_id
where
    loads.status = 'applied'
    and balance.message_count
    <> balance.stored_count + balance.duplicate_count + balance.quarantined_count + balance.late_not_billed_count
