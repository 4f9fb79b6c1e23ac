-- Only what this platform run has claimed: a load that arrives meanwhile waits for the next one.
select
    load_id,
    region,
    content_sha256,
    source_file,
    received_date,
    config_load_id
from {{ source('ledger', 'loads') }}
where status = 'claimed'
