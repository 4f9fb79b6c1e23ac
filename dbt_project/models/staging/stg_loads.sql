-- Only what this platform run has claimed: a load that arrives meanwhile waits for the next one.
select
    load_id,
    region,
    content_sha256,
    source_file,
    received_date,
    config_load_id,
    -- Order among equal receipt times (RULES 7), as a small number that sorts fast; what was released of a file ranks
    -- with the file.
    dense_rank() over (order by content_sha256 collate "C", region)::integer as file_rank
from {{ source('ledger', 'loads') }}
where status = 'claimed'
