{{ config(
    materialized='scratch',
    tags=['load'],
    post_hook=["{{ apply_loads() }}"]
) }}

-- The last step: only a run whose checks passed reaches it, and it applies what every sum has been marked with.
select balance.load_id, balance.message_count
from {{ ref('run_balance') }} as balance
where
    (
        select count(*)
        from {{ source('ledger', 'marks') }} as mark
        where mark.load_id = balance.load_id and mark.model in ('usage_hours', 'usage_days', 'received_hours')
    ) = 3
