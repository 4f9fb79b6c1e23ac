{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_periods_to_estimate)"
) }}

-- What devices of contracts with estimates, and of types that say what is usual, used hour by hour, in the period and
-- four weeks before: to close from the hours, to verify from the events as the close found them.
with used as (
    select distinct
        period.tenant_no, period.rated_period_no, period.period_no, period.invoice_version, period.config_load_id,
        period.period_start_at, period.period_end_at, usage.device_no, usage.metric_no
    from {{ ref('int_periods_to_estimate') }} as period
    inner join {{ source('store', 'periods') }} as near
        on period.tenant_no = near.tenant_no
        and near.period_end_at > period.period_start_at - {{ estimation_lookback() }}
        and near.period_start_at < period.period_end_at
    inner join {{ source('store', 'usage_days') }} as usage
        on near.tenant_no = usage.tenant_no and near.period_no = usage.period_no
    where {{ reads_current('period.kind') }} and usage.event_count > 0 and {{ is_watched('period', 'usage') }}
),

hours as (
    select
        used.tenant_no, used.rated_period_no, used.period_no, used.invoice_version, used.config_load_id,
        used.device_no, used.metric_no, hour.bucket_start_at as hour_at, hour.quantity, true as is_use
    from used
    cross join lateral (
        select usage.bucket_start_at, sum(usage.quantity) as quantity
        from {{ source('store', 'usage_hours') }} as usage
        where
            usage.tenant_no = used.tenant_no
            and usage.device_no = used.device_no
            and usage.metric_no = used.metric_no
            and usage.event_count > 0
            and {{ is_learnt_from('used', 'usage', 'usage.bucket_start_at') }}
        group by usage.tenant_no, usage.bucket_start_at
    ) as hour

    union all

    -- Events of registers are readings here, whose use comes below.
    select
        event.tenant_no, event.rated_period_no, event.closed_period_no, event.invoice_version, event.config_load_id,
        event.device_no, event.metric_no, {{ hour_of('event.event_at') }} as hour_at, sum(event.quantity), false
    from (
        {{ events_as_of_close(
            is_watched('closed', 'states') ~ ' and '
            ~ is_learnt_from('closed', 'states', hour_of('states.event_at')),
            '(select * from ' ~ ref('int_periods_to_estimate') ~ " where kind = 'verify') as verified",
            also='rated_period_no'
        ) }}
    ) as event
    group by
        event.tenant_no, event.rated_period_no, event.closed_period_no, event.invoice_version, event.config_load_id,
        event.device_no, event.metric_no, hour_at

    union all

    select
        read.tenant_no, period.rated_period_no, period.period_no, read.invoice_version, read.config_load_id,
        read.device_no, read.metric_no, {{ hour_of('read.event_at') }} as hour_at, sum(read.quantity), true
    from {{ ref('int_periods_to_estimate') }} as period
    inner join {{ ref('int_verified_registers') }} as read
        on period.tenant_no = read.tenant_no
        and period.period_no = read.closed_period_no
        and period.rated_period_no = read.closed_period_no
        and period.invoice_version = read.invoice_version
    where period.kind = 'verify' and read.is_learnt_from and {{ is_watched('period', 'read') }}
    group by
        read.tenant_no, period.rated_period_no, period.period_no, read.invoice_version, read.config_load_id,
        read.device_no, read.metric_no, hour_at
)

select
    hours.tenant_no, hours.rated_period_no, hours.period_no, hours.invoice_version, hours.device_no, hours.metric_no,
    hours.hour_at, hours.quantity, {{ is_register('metric') }} as is_register
from hours
inner join {{ ref('stg_config__metrics') }} as metric
    on hours.metric_no = metric.metric_no
    and {{ in_force('metric', 'hours.config_load_id') }}
where {{ is_estimated_by_hour('metric') }} or ({{ is_register('metric') }} and hours.is_use)
