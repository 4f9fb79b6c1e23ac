{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_property_periods)"
) }}

-- Common use by who pays for it, told by the property's first master meter: occupants by their shares of the days of
-- their period, the tenant of the meter by what the masters count less sub-meters and less those shares.
with masters as (
    select distinct on (view_no, property_id) view_no, property_id, tenant_no, device_no
    from {{ ref('int_unit_meters') }}
    where meter_role = 'master'
    order by view_no, property_id, device_id collate "C", tenant_no
),

counted as (
    select
        period.tenant_no, period.period_no, period.invoice_version, master.device_no, reading.metric_no,
        period.property_id,
        count(*) filter (where reading.device_no = master.device_no) as event_count,
        count(*) filter (where reading.device_no = master.device_no and reading.is_skew_candidate)
            as skew_candidate_count,
        min(reading.event_at) filter (where reading.device_no = master.device_no) as first_event_at,
        max(reading.event_at) filter (where reading.device_no = master.device_no) as last_event_at,
        sum(case
            when reading.device_no = master.device_no then reading.quantity
            when reading.meter_role = 'sub' then -reading.quantity
            else 0
        end) as quantity
    from {{ ref('int_property_periods') }} as period
    inner join masters as master
        on period.view_no = master.view_no and period.tenant_no = master.tenant_no
    inner join {{ ref('int_unit_readings') }} as reading
        on period.view_no = reading.view_no
        and reading.event_at >= period.period_start_at
        and reading.event_at < period.period_end_at
    where (reading.view_no, reading.metric_no) in (select view_no, metric_no from {{ ref('int_common_days') }})
    group by
        period.tenant_no, period.period_no, period.invoice_version, master.device_no, reading.metric_no,
        period.property_id
    having count(*) filter (where reading.device_no = master.device_no) > 0
)

select
    period.tenant_no, period.period_no, period.invoice_version, master.device_no, share.charged_metric_no as metric_no,
    share.property_id, share.unit_id, share.occupancy_id, 'common' as source, 0 as event_count,
    0 as skew_candidate_count, null::timestamptz as first_event_at, null::timestamptz as last_event_at,
    sum(share.quantity) as quantity, 0 as estimated_quantity
from {{ ref('int_property_periods') }} as period
inner join {{ ref('int_common_shares') }} as share
    on period.view_no = share.view_no
    and period.tenant_no = share.tenant_no
    and {{ ends_within('share.day_end_at', 'period.period_start_at', 'period.period_end_at') }}
inner join masters as master on share.view_no = master.view_no
group by
    period.tenant_no, period.period_no, period.invoice_version, master.device_no, share.charged_metric_no,
    share.property_id, share.unit_id, share.occupancy_id

union all

select
    counted.tenant_no, counted.period_no, counted.invoice_version, counted.device_no, counted.metric_no,
    counted.property_id, '' as unit_id, '' as occupancy_id, 'common' as source, counted.event_count,
    counted.skew_candidate_count, counted.first_event_at, counted.last_event_at,
    counted.quantity - coalesce((
        select sum(share.quantity)
        from {{ ref('int_property_periods') }} as period
        inner join {{ ref('int_common_shares') }} as share on period.view_no = share.view_no
        where
            period.tenant_no = counted.tenant_no
            and period.period_no = counted.period_no
            and period.invoice_version = counted.invoice_version
            and period.property_id = counted.property_id
            and share.metric_no = counted.metric_no
            and share.occupancy_id is not null
            and {{ ends_within('share.day_end_at', 'period.period_start_at', 'period.period_end_at') }}
    ), 0) as quantity,
    0 as estimated_quantity
from counted
