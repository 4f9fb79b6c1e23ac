{{ config(meta={'dagster': {'ref': {'name': 'int_close_request'}}}) }}

-- A close must see all that was received: nothing may be accepted or claimed and not yet applied.
select load.load_id, load.source_file, load.status
from {{ source('ledger', 'loads') }} as load
inner join {{ ref('int_close_request') }} as request on request.kind = 'close'
where load.status in ('accepted', 'claimed')
