{{ config(materialized='scratch', tags=['close']) }}

-- The newest open request says what is wanted; older ones were stopped by a crash or a gate. Only `dbt build` works on
-- it: `dbt run` makes relations without the checks that must pass before an invoice exists.
select
    close_id,
    kind,
    period_month,
    as_of,
    config_load_id,
    last_load_id,
    rate_card_id,
    rate_card_version,
    against_version
from {{ source('ledger', 'close_requests') }}
where finished_at is null and {{ is_checked_run() }}
order by close_id desc
limit 1
