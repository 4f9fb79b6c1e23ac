-- A proposal is decided once; of what an older release recorded twice, the newest entry holds.
select distinct on (proposal_id)
    proposal_id,
    decision,
    decided_by,
    reason,
    decided_at
from {{ source('store', 'proposal_decisions') }}
order by proposal_id asc, decision_no desc
