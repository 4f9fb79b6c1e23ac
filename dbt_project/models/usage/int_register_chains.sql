{{ config(materialized='scratch', tags=['load']) }}

-- Chains that this run computes again, and from when on. The state after the last reading before is all that it takes
-- of history.
select
    chains.*,
    device.register_max,
    device.max_use_per_hour,
    (
        select before.state
        from {{ source('store', 'register_uses') }} as before
        where
            before.tenant_no = chains.tenant_no
            and before.device_no = chains.device_no
            and before.metric_no = chains.metric_no
            and before.event_at < chains.recomputed_from_at
        order by before.event_at desc, before.seq_epoch desc, before.msg_seq desc, before.stored_device_ts desc
        limit 1
    ) as checkpoint
from {{ ref('int_touched_chains') }} as chains
left join {{ ref('stg_config__devices') }} as device
    on chains.device_no = device.device_no and device.valid_to_load is null
