select placed.hold_no, placed.tenant_no, placed.from_at, placed.until_at, placed.placed_by, placed.reason
from {{ source('ledger', 'retention_holds') }} as placed
where not exists (select 1 from {{ source('ledger', 'lifted_holds') }} as lifted where lifted.hold_no = placed.hold_no)
