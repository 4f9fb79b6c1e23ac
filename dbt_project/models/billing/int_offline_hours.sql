{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_period_prices where charge_basis = 'offline_hours')"
) }}

-- Whole hours in which devices with a declared cadence were silent, where a card credits them: to close from the hours of
-- use, in which two messages are never an hour apart; to verify from the events as the close found them.
with asked as (
    select distinct period.*
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    where price.charge_basis = 'offline_hours' and period.kind <> 'explain'
),

expected as (
    select
        asked.*, device.device_no, types.expected_interval_seconds,
        greatest(asked.period_start_at, device.activated_at) as from_at,
        least(asked.period_end_at, device.retired_at, asked.estimated_until_at) as until_at
    from asked
    inner join {{ ref('stg_config__devices') }} as device
        on asked.tenant_no = device.tenant_no and {{ in_force('device', 'asked.config_load_id') }}
    inner join {{ ref('stg_config__device_types') }} as types
        on device.device_type = types.device_type
        and types.expected_interval_seconds is not null
        and {{ in_force('types', 'asked.config_load_id') }}
),

heard as (
    select tenant_no, period_no, asked.invoice_version, usage.device_no, usage.first_event_at, usage.last_event_at
    from asked
    inner join {{ source('store', 'usage_hours') }} as usage using (tenant_no, period_no)
    where usage.event_count > 0 and asked.kind <> 'verify'

    union all

    select
        event.tenant_no, event.closed_period_no, event.invoice_version, event.device_no, event.event_at, event.event_at
    from (
        {{ events_as_of_close('closed.period_no = states.period_no', "(select * from asked where kind = 'verify')") }}
    ) as event

    union all

    select late.tenant_no, late.period_no, asked.invoice_version, late.device_no, late.event_at, late.event_at
    from asked
    inner join {{ ref('int_rejected_events') }} as late using (tenant_no, period_no)
    where asked.kind = 'reconcile'
),

-- Service begins and ends as if with a message. What a deferred message says of another period says nothing of this one.
spoken as (
    select tenant_no, period_no, invoice_version, device_no, from_at as began_at, from_at as ended_at
    from expected
    where from_at < until_at
    union all
    select
        tenant_no, period_no, invoice_version, device_no, greatest(heard.first_event_at, expected.from_at),
        least(heard.last_event_at, expected.until_at)
    from expected
    inner join heard using (tenant_no, period_no, invoice_version, device_no)
    where heard.last_event_at >= expected.from_at and heard.first_event_at < expected.until_at
    union all
    select tenant_no, period_no, invoice_version, device_no, until_at, until_at from expected where from_at < until_at
),

silences as (
    select
        spoken.*,
        max(ended_at) over (
            partition by tenant_no, period_no, invoice_version, device_no
            order by began_at, ended_at rows between unbounded preceding and 1 preceding
        ) as silent_from_at
    from spoken
)

select
    tenant_no, period_no, invoice_version, device_no,
    sum(floor(extract(epoch from silence.began_at - silence.silent_from_at) / 3600))::bigint as hour_count
from silences as silence
inner join expected using (tenant_no, period_no, invoice_version, device_no)
where {{ is_silent('silence.silent_from_at', 'silence.began_at', 'expected.expected_interval_seconds') }}
group by tenant_no, period_no, invoice_version, device_no
