{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_periods_to_estimate)"
) }}

-- The use of hours without a reading, by the method that the contract names; where that has nothing to go by, on the
-- line between the nearest readings.
with gaps as (
    select gap.*, period.estimation, period.load_profile, period.time_zone, period.config_load_id
    from {{ ref('int_gap_hours') }} as gap
    inner join {{ ref('int_periods_to_estimate') }} as period
        using (tenant_no, rated_period_no, period_no, invoice_version)
    where period.estimation <> 'none' and not gap.is_register
),

-- The same hour of the local week in the last four weeks.
same_hour as (
    select
        gap.tenant_no, gap.rated_period_no, gap.period_no, gap.invoice_version, gap.device_no, gap.metric_no,
        gap.hour_at,
        avg(measured.quantity) as quantity
    from gaps as gap
    cross join (values (1), (2), (3), (4)) as weeks (weeks_ago)
    inner join {{ ref('int_metered_hours') }} as measured
        on gap.tenant_no = measured.tenant_no
        and gap.rated_period_no = measured.rated_period_no
        and gap.period_no = measured.period_no
        and gap.invoice_version = measured.invoice_version
        and gap.device_no = measured.device_no
        and gap.metric_no = measured.metric_no
        and measured.hour_at = {{ hour_of(
            "((gap.hour_at at time zone gap.time_zone) - weeks.weeks_ago * interval '7 days') at time zone gap.time_zone"
        ) }}
    where gap.estimation = 'same_hour'
    group by gap.tenant_no, gap.rated_period_no, gap.period_no, gap.invoice_version, gap.device_no, gap.metric_no,
        gap.hour_at
),

-- What the device uses for a weight of 1, from the hours that it did report.
levels as (
    select
        hour.tenant_no, hour.rated_period_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no,
        sum(hour.quantity) / nullif(sum(profile.weight), 0) as quantity_per_weight
    from {{ ref('int_metered_hours') }} as hour
    inner join {{ ref('int_periods_to_estimate') }} as period
        using (tenant_no, rated_period_no, period_no, invoice_version)
    inner join {{ ref('stg_config__load_profiles') }} as profile
        on period.load_profile = profile.load_profile
        and {{ in_force('profile', 'period.config_load_id') }}
        and profile.local_hour = {{ local_hour_of('hour.hour_at', 'period.time_zone') }}
        and profile.day_type = {{ day_type_of('hour.hour_at', 'period.time_zone') }}
    where period.estimation = 'profile'
    group by hour.tenant_no, hour.rated_period_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no
),

profiled as (
    select
        gap.tenant_no, gap.rated_period_no, gap.period_no, gap.invoice_version, gap.device_no, gap.metric_no,
        gap.hour_at,
        level.quantity_per_weight * profile.weight as quantity
    from gaps as gap
    inner join levels as level using (tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no)
    inner join {{ ref('stg_config__load_profiles') }} as profile
        on gap.load_profile = profile.load_profile
        and {{ in_force('profile', 'gap.config_load_id') }}
        and profile.local_hour = {{ local_hour_of('gap.hour_at', 'gap.time_zone') }}
        and profile.day_type = {{ day_type_of('gap.hour_at', 'gap.time_zone') }}
)

select
    gap.tenant_no, gap.rated_period_no, gap.period_no, gap.invoice_version, gap.device_no, gap.metric_no,
    gap.hour_at as bucket_start_at,
    case when habit.quantity is null then 'linear' else gap.estimation end as method,
    round(coalesce(habit.quantity, {{ on_the_line('gap') }}), 10)::numeric(20, 10) as quantity
from gaps as gap
left join (
    select * from same_hour
    union all
    select * from profiled
) as habit using (tenant_no, rated_period_no, period_no, invoice_version, device_no, metric_no, hour_at)
