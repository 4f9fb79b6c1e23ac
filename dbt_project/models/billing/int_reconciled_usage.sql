{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_close_request where kind = 'reconcile')"
) }}

-- The use of closed periods as their close found it, with the late events that it rejected: those devices and metrics
-- anew from their events, the others as they were closed. An hour that a late reading fills is estimated no longer,
-- unless the period that bills another reading of it takes the estimate back.
{%- set series -%}
    (
        select distinct period.*, late.device_no, late.metric_no
        from {{ ref('int_periods_to_rate') }} as period
        inner join {{ ref('int_rejected_events') }} as late
            on period.tenant_no = late.tenant_no and period.period_no = late.period_no
        where period.kind = 'reconcile'
    ) as series
{%- endset %}
with series as (
    select * from {{ series }}
),

events as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, seq_epoch, msg_seq, stored_device_ts, event_at,
        quantity, is_skew_candidate
    from (
        {{ events_as_of_close(
            'closed.device_no = states.device_no and closed.metric_no = states.metric_no'
            ~ ' and closed.period_no = states.period_no', series
        ) }}
    ) as billed
    union all
    select
        late.tenant_no, late.period_no, series.invoice_version, late.device_no, late.metric_no, late.seq_epoch,
        late.msg_seq, late.stored_device_ts, late.event_at, late.quantity, late.is_skew_candidate
    from series
    inner join {{ ref('int_rejected_events') }} as late using (tenant_no, period_no, device_no, metric_no)
),

measured as (
    select
        series.tenant_no, series.period_no, series.invoice_version, series.device_no, series.metric_no,
        {{ aggregate_events('metric.aggregation', 'event') }}::numeric(30, 10) as quantity,
        count(*)::bigint as event_count,
        count(*) filter (where event.is_skew_candidate)::bigint as skew_candidate_count,
        min(event.event_at) as first_event_at,
        max(event.event_at) as last_event_at
    from series
    inner join events as event using (tenant_no, period_no, invoice_version, device_no, metric_no)
    left join {{ ref('stg_config__metrics') }} as metric
        on series.metric_no = metric.metric_no and {{ in_force('metric', 'series.config_load_id') }}
    group by
        series.tenant_no, series.period_no, series.invoice_version, series.device_no, series.metric_no,
        metric.aggregation
),

estimated as (
    select tenant_no, period_no, invoice_version, device_no, metric_no, sum(estimate.quantity) as quantity
    from series
    inner join {{ source('store', 'closed_estimates') }} as estimate
        using (tenant_no, period_no, invoice_version, device_no, metric_no)
    where not exists (
        select 1 from {{ ref('int_rejected_events') }} as late
        where
            late.tenant_no = series.tenant_no
            and late.period_no = series.period_no
            and late.device_no = series.device_no
            and late.metric_no = series.metric_no
            and {{ hour_of('late.event_at') }} = estimate.bucket_start_at
    )
    or {{ is_taken_back('estimate') }}
    group by tenant_no, period_no, invoice_version, device_no, metric_no
)

select
    tenant_no, period_no, invoice_version, device_no, metric_no,
    (measured.quantity + coalesce(estimated.quantity, 0))::numeric(30, 10) as quantity,
    measured.event_count, measured.skew_candidate_count, measured.first_event_at, measured.last_event_at,
    coalesce(estimated.quantity, 0)::numeric(30, 10) as estimated_quantity
from measured
left join estimated using (tenant_no, period_no, invoice_version, device_no, metric_no)

union all

select
    closed.tenant_no, closed.period_no, closed.invoice_version, closed.device_no, closed.metric_no,
    closed.quantity, closed.event_count, closed.skew_candidate_count, closed.first_event_at, closed.last_event_at,
    closed.estimated_quantity
from {{ ref('int_periods_to_rate') }} as period
inner join {{ source('store', 'closed_usage') }} as closed using (tenant_no, period_no, invoice_version)
where
    period.kind = 'reconcile'
    and not exists (
        select 1 from series
        where
            series.tenant_no = closed.tenant_no
            and series.period_no = closed.period_no
            and series.device_no = closed.device_no
            and series.metric_no = closed.metric_no
    )
