-- depends_on: {{ ref('store_quarantine') }}
select
    refused.reason,
    refused.detail,
    refused.raw,
    loads.source_file,
    refused.row_number as source_row,
    loads.loaded_at,
    refused.tenant_id,
    loads.region,
    loads.received_date
from {{ ref('int_quarantined') }} as refused
inner join {{ source('ledger', 'loads') }} as loads on refused.load_id = loads.load_id
