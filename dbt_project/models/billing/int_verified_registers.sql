{{ config(materialized='scratch', tags=['close']) }}

-- Readings of registers in closed periods with their use anew: each chain from its first reading, as the store and the
-- configuration stood at the close.
with as_of_close as (
    {{ events_as_of_close(
        'closed.period_end_at > states.event_at and states.metric_no in ('
        ~ 'select metric.metric_no from ' ~ ref('stg_config__metrics') ~ ' as metric where ' ~ is_register('metric')
        ~ ' and ' ~ in_force('metric', 'closed.config_load_id') ~ ')'
    ) }}
),

readings as (
    select
        event.*,
        {{ is_in_chain('event.disposition') }} as is_in_chain,
        {{ is_exchange_reading('event.traits_no') }} as is_exchange,
        {{ exchanged_at('event', in_force('declared', 'event.config_load_id')) }} as exchanged_at,
        types.register_max,
        types.max_use_per_hour,
        null::store.register_state as checkpoint
    from as_of_close as event
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and {{ in_force('device', 'event.config_load_id') }}
    left join {{ ref('stg_config__device_types') }} as types
        on device.device_type = types.device_type and {{ in_force('types', 'event.config_load_id') }}
    where exists (select 1 from {{ ref('int_close_request') }} where kind = 'verify')
)

select
    {{ identity('stepped') }}, stepped.stored_device_ts, stepped.event_at, stepped.period_no, stepped.invoice_version,
    stepped.config_load_id, stepped.is_skew_candidate, {{ calibrated('(stepped.state).use') }} as quantity
from (
    {{ register_states('readings', partition='reading.closed_period_no, reading.invoice_version,') }}
) as stepped
{{ calibrated_by('stepped', in_force('calibration', 'stepped.config_load_id')) }}
where stepped.period_no = stepped.closed_period_no
