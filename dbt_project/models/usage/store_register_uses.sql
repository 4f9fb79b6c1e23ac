{{ config(
    materialized='store',
    into='register_uses',
    tags=['load'],
    pre_hook=["{{ clear_touched_chains() }}"]
) }}

-- In one transaction: the touched stretches go and come again.
select
    {{ identity() }}, stored_device_ts, event_at, period_no, is_skew_candidate, reading, is_in_chain, is_exchange,
    state,
    flag, previous_high, quantity
from {{ ref('int_register_uses') }}
