{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_period_prices where charge_basis = 'monitored_hours')"
) }}

-- Device-hours in which something was heard, where a card charges for them: to close from the hours of use, to verify
-- from the events. An occupant's are those of his units' meters. Over all metrics an hour of a device counts once.
with asked as (
    select distinct tenant_no, period_no, invoice_version
    from {{ ref('int_period_prices') }}
    where charge_basis = 'monitored_hours'
),

hours as (
    select
        period.tenant_no, period.period_no, period.invoice_version, usage.device_no, usage.metric_no,
        usage.bucket_start_at as hour_at
    from asked
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ source('store', 'usage_hours') }} as usage using (tenant_no, period_no)
    where usage.event_count > 0 and (
        {{ reads_current('period.kind') }}
        or period.kind = 'reconcile'
        or (period.kind = 'verify' and {{ is_folded('period') }})
    )
    union distinct
    select
        event.tenant_no, event.closed_period_no, event.invoice_version, event.device_no, event.metric_no,
        {{ hour_of('event.event_at') }}
    from (
        {{ events_as_of_close(
            'closed.period_no = states.period_no',
            '(select period.* from asked inner join ' ~ ref('int_periods_to_rate') ~ ' as period'
            ~ ' using (tenant_no, period_no, invoice_version)'
            ~ " where period.kind = 'verify' and not " ~ is_folded('period') ~ ') as verified'
        ) }}
    ) as event
    union distinct
    select
        period.tenant_no, period.period_no, period.invoice_version, part.device_no, part.metric_no,
        {{ hour_of('part.event_at') }}
    from asked
    inner join {{ ref('int_property_periods') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ ref('int_occupied_uses') }} as part
        on period.view_no = part.view_no
        and period.tenant_no = part.tenant_no
        and part.counted_at >= period.period_start_at
        and part.counted_at < period.period_end_at
    where part.event_count > 0
)

select
    heard.tenant_no, heard.period_no, heard.invoice_version, metric.metric,
    count(*) as hour_count
from (
    select tenant_no, period_no, invoice_version, device_no, hour_at, metric_no from hours
    union distinct
    select tenant_no, period_no, invoice_version, device_no, hour_at, null from hours
) as heard
left join {{ source('registry', 'metrics') }} as metric on heard.metric_no = metric.metric_no
group by heard.tenant_no, heard.period_no, heard.invoice_version, metric.metric
