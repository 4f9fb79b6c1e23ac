{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_property_periods)") }}

-- Readings of registers that count what properties use, with the use since the reading before: to close as the chains
-- stand, to rate a close again each chain from its first reading, as the store and the configuration stood then.
with as_of_close as (
    {{ events_as_of_close(
        'closed.device_no = states.device_no and closed.read_to_at > states.event_at and states.metric_no in ('
        ~ 'select metric.metric_no from ' ~ ref('stg_config__metrics') ~ ' as metric where ' ~ is_register('metric')
        ~ ' and ' ~ in_force('metric', 'closed.config_load_id') ~ ')',
        '(select meter.*, meter.view_no as period_no, 0 as invoice_version from ' ~ ref('int_unit_meters')
        ~ ' as meter where not (' ~ reads_current('meter.kind') ~ ')) as closed_then'
    ) }}
),

readings as (
    select
        event.*,
        {{ is_in_chain('event.disposition') }} as is_in_chain,
        {{ is_exchange_reading('event.traits_no') }} as is_exchange,
        {{ exchanged_at('event', in_force('declared', 'event.config_load_id')) }} as exchanged_at,
        meter.register_max,
        meter.max_use_per_hour,
        null::store.register_state as checkpoint
    from as_of_close as event
    inner join {{ ref('int_unit_meters') }} as meter
        on event.closed_period_no = meter.view_no and event.device_no = meter.device_no
)

select
    stepped.closed_period_no as view_no, {{ identity('stepped') }}, stepped.stored_device_ts, stepped.event_at,
    stepped.is_skew_candidate, (stepped.state).high_at as high_at, {{ calibrated('(stepped.state).use') }} as quantity
from (
    {{ register_states('readings', partition='reading.closed_period_no,') }}
) as stepped
{{ calibrated_by('stepped', in_force('calibration', 'stepped.config_load_id')) }}

union all

select
    meter.view_no, {{ identity('kept') }}, kept.stored_device_ts, kept.event_at, kept.is_skew_candidate,
    (kept.state).high_at, kept.quantity
from {{ ref('int_unit_meters') }} as meter
inner join {{ source('store', 'register_uses') }} as kept
    on meter.tenant_no = kept.tenant_no
    and meter.device_no = kept.device_no
    and kept.event_at >= meter.read_from_at
    and kept.event_at < meter.read_to_at
where {{ reads_current('meter.kind') }}
