select
    released.load_id,
    released.row_number,
    released.release_load_id
from {{ source('ledger', 'released_rows') }} as released
inner join {{ source('ledger', 'loads') }} as release
    on released.release_load_id = release.load_id and release.status = 'applied'
