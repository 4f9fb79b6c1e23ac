{{ config(materialized='scratch', tags=['close'], pre_hook=joins_of_whole_sets()) }}

-- In words, what the meters of a period were calibrated by, for each metric and over all: three of them, and how many
-- more there are.
with meters as (
    select distinct
        usage.tenant_no, usage.period_no, usage.invoice_version, charged.metric, calibration.device_id,
        calibration.starts_at,
        calibration.device_id || {{ calibration_words('calibration') }} as words
    from {{ ref('int_rated_usage') }} as usage
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ ref('stg_config__calibrations') }} as calibration
        on usage.device_no = calibration.device_no
        and usage.metric_no = calibration.metric_no
        and calibration.starts_at < period.period_end_at
        and calibration.ends_at > period.period_start_at
        and {{ in_force('calibration', 'period.config_load_id') }}
    cross join lateral (values (calibration.metric), (null)) as charged (metric)
),

numbered as (
    select
        *,
        row_number() over (
            partition by tenant_no, period_no, invoice_version, metric
            order by device_id collate "C", starts_at, words collate "C"
        ) as meter_number
    from meters
)

select
    tenant_no,
    period_no,
    invoice_version,
    metric,
    string_agg(words, '; ' order by meter_number) filter (where meter_number <= 3)
    || case when count(*) > 3 then '; and ' || (count(*) - 3)::text || ' more' else '' end as calibrations
from numbered
group by tenant_no, period_no, invoice_version, metric
