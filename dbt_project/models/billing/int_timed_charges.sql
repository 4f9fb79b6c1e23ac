{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_period_prices where measured_by = 'time')"
) }}

-- Charges that ask when their use was, with the metrics that they add and take off, and the width of the slots in which
-- that can be said: an hour, or less where the zone's clock, a schedule or an interval of demand begins within one.
with timed as (
    select
        price.tenant_no, price.period_no, price.invoice_version, price.charge_no, price.charge_basis, price.metric,
        price.net_metric, price.schedule, price.tier_meaning, price.window_kind, price.demand_minutes,
        price.ratchet_percent, price.ratchet_periods, price.ratchet_months,
        period.kind, period.close_id, period.config_load_id, period.time_zone, period.period_start_at,
        period.period_end_at,
        {{ is_part('price') }} as is_part,
        {{ local_midnight('price.priced_from_date', 'period.time_zone') }} as priced_from_at,
        {{ local_midnight('price.priced_until_date', 'period.time_zone') }} as priced_until_at,
        {{ local_midnight('period.period_start_date', 'period.time_zone') }} as origin_at,
        {{ zone_offset('period.period_start_at', 'period.time_zone') }} as first_offset,
        {{ zone_offset("period.period_end_at - interval '1 microsecond'", 'period.time_zone') }} as last_offset
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    -- A bridge prices what its invoices recorded.
    where price.measured_by = 'time' and period.kind <> 'explain'
),

bounds as (
    select
        timed.*,
        case
            when
                part.is_by_minute or timed.first_offset % 900 <> 0 or timed.last_offset % 900 <> 0
                or {{ is_within_slot('timed.priced_from_at', 15) }} or {{ is_within_slot('timed.priced_until_at', 15) }}
                then 1
            when
                part.is_by_quarter or timed.demand_minutes < 60 or timed.first_offset % 3600 <> 0
                or timed.last_offset % 3600 <> 0
                or {{ is_within_slot('timed.priced_from_at', 60) }} or {{ is_within_slot('timed.priced_until_at', 60) }}
                then 15
            else 60
        end as slot_minutes
    from timed
    cross join lateral (
        select
            bool_or(rule.starts_minute % 15 <> 0 or rule.ends_minute % 15 <> 0) as is_by_minute,
            bool_or(rule.starts_minute % 60 <> 0 or rule.ends_minute % 60 <> 0) as is_by_quarter
        from {{ ref('stg_config__time_of_use') }} as rule
        where rule.schedule = timed.schedule and {{ in_force('rule', 'timed.config_load_id') }}
    ) as part
)

select
    bounds.*,
    measured.metric_no,
    charged.sign,
    {{ is_register('declared') }} is true as is_register,
    declared.aggregation = 'count' as is_counted
from bounds
cross join lateral (
    values (bounds.metric, 1), (bounds.net_metric, -1)
) as charged (metric, sign)
inner join {{ source('registry', 'metrics') }} as measured on charged.metric = measured.metric
inner join {{ ref('stg_config__metrics') }} as declared
    on measured.metric_no = declared.metric_no and {{ in_force('declared', 'bounds.config_load_id') }}
