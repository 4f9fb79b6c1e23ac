{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_close_request where kind = 'verify')"
) }}

-- Readings of registers in closed periods with their use anew: each chain from its first reading, as the store and the
-- configuration stood at the close. Those of four weeks before are kept beside them: estimates learn from them, and the
-- period's own are judged by them.
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
        closed.period_start_at,
        {{ is_in_chain('event.disposition') }} as is_in_chain,
        {{ is_exchange_reading('event.traits_no') }} as is_exchange,
        {{ exchanged_at('event', in_force('declared', 'event.config_load_id')) }} as exchanged_at,
        types.register_max,
        types.max_use_per_hour,
        null::store.register_state as checkpoint
    from as_of_close as event
    inner join {{ ref('int_periods_to_rate') }} as closed
        on event.tenant_no = closed.tenant_no
        and event.closed_period_no = closed.period_no
        and event.invoice_version = closed.invoice_version
    left join {{ ref('stg_config__devices') }} as device
        on event.device_no = device.device_no and {{ in_force('device', 'event.config_load_id') }}
    left join {{ ref('stg_config__device_types') }} as types
        on device.device_type = types.device_type and {{ in_force('types', 'event.config_load_id') }}
    where exists (select 1 from {{ ref('int_close_request') }} where kind = 'verify')
),

stepped as (
    select *, (state).flag as flag, {{ is_counted('is_in_chain', '(state).flag') }} as is_counted
    from (
        {{ register_states('readings', partition='reading.closed_period_no, reading.invoice_version,') }}
    ) as state_by_state
),

before_period as (
    select
        *,
        max(event_at) filter (where is_counted and event_at < period_start_at) over (
            partition by closed_period_no, invoice_version, tenant_no, device_no, metric_no
        ) as before_at
    from stepped
),

learnt_from as (
    select
        *,
        max(event_at) filter (where is_counted and event_at <= before_at - {{ estimation_lookback() }}) over (
            partition by closed_period_no, invoice_version, tenant_no, device_no, metric_no
        ) as first_learnt_at
    from before_period
)

select
    {{ identity('known') }}, known.stored_device_ts, known.event_at, known.period_no, known.closed_period_no,
    known.invoice_version, known.config_load_id, known.is_skew_candidate, known.is_counted, known.flag,
    known.period_no = known.closed_period_no as is_billed_here,
    {{ is_learnt_from('period', 'known', hour_of('known.event_at')) }} as is_learnt_from,
    {{ calibrated('(known.state).use') }} as quantity
from learnt_from as known
inner join {{ ref('int_periods_to_rate') }} as period
    on known.tenant_no = period.tenant_no
    and known.closed_period_no = period.period_no
    and known.invoice_version = period.invoice_version
{{ calibrated_by('known', in_force('calibration', 'known.config_load_id')) }}
where
    known.period_no = known.closed_period_no
    or known.first_learnt_at is null
    or known.event_at >= known.first_learnt_at
