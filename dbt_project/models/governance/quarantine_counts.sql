select
    refused.reason,
    refused.tenant_id,
    loads.source_file,
    loads.received_date,
    loads.region,
    count(*) as message_count,
    remedy.is_releasable,
    remedy.remedy
from {{ ref('int_quarantined') }} as refused
inner join {{ source('ledger', 'loads') }} as loads on refused.load_id = loads.load_id
left join {{ source('ledger', 'refusal_remedies') }} as remedy on refused.reason = remedy.reason
group by
    refused.reason, refused.tenant_id, loads.source_file, loads.received_date, loads.region, remedy.is_releasable,
    remedy.remedy
