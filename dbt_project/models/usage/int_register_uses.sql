{{ config(materialized='scratch', tags=['load']) }}

-- The touched stretch of each chain: what came or was restated, and what stood there before, from the checkpoint to the
-- end. Never a look at the events of history.
with readings as (
    select
        {{ identity() }}, stored_device_ts, event_at, period_no, is_skew_candidate,
        quantity as reading, {{ is_in_chain('disposition') }} as is_in_chain, is_exchange
    from {{ ref('int_register_changes') }}
    where {{ is_billed('disposition') }}
    union all
    select
        {{ identity('kept') }}, kept.stored_device_ts, kept.event_at, kept.period_no, kept.is_skew_candidate,
        kept.reading, kept.is_in_chain, kept.is_exchange
    from {{ ref('int_register_chains') }} as chain
    {{ looked_up(
        source('store', 'register_uses'), 'kept',
        'kept.tenant_no = chain.tenant_no and kept.device_no = chain.device_no and kept.metric_no = chain.metric_no'
        ~ ' and kept.event_at >= chain.recomputed_from_at'
    ) }}
    where not exists (
        select 1 from {{ ref('int_register_changes') }} as changed
        where {{ same_identity('changed', 'kept') }} and changed.stored_device_ts = kept.stored_device_ts
    )
),

in_chains as (
    select
        reading.*,
        {{ exchanged_at('reading', 'declared.valid_to_load is null') }} as exchanged_at,
        chain.register_max,
        chain.max_use_per_hour,
        null::store.register_state as checkpoint
    from readings as reading
    inner join {{ ref('int_register_chains') }} as chain using (tenant_no, device_no, metric_no)
    union all
    select
        tenant_no, device_no, metric_no, null, null, null, recomputed_from_at, null, null, null, null, null, null,
        null, null, checkpoint
    from {{ ref('int_register_chains') }}
    where (checkpoint).last_at is not null
)

select
    {{ identity('stepped') }}, stepped.stored_device_ts, stepped.event_at, stepped.period_no, stepped.is_skew_candidate,
    stepped.reading, stepped.is_in_chain, stepped.is_exchange, stepped.state,
    (stepped.state).flag as flag,
    (stepped.state).previous_high::numeric(20, 10) as previous_high,
    ({{ calibrated('(stepped.state).use') }})::numeric(30, 10) as quantity
from (
    {{ register_states('in_chains') }}
) as stepped
{{ calibrated_by('stepped') }}
where (stepped.checkpoint).last_at is null
