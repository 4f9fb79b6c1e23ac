-- Events that came too late and are not billed, and whose use would be missing (RULES 11: a register's next reading has
-- it). Read by two partial indexes: rejected ones are few, and lie anywhere in history.
with rejected as (
    select
        {{ identity('stored') }}, stored.device_ts as stored_device_ts, stored.period_no, stored.event_at,
        stored.quantity, stored.is_skew_candidate, stored.load_id as known_by_load_id
    from {{ source('store', 'events') }} as stored
    where
        stored.disposition = 'n'
        and not {{ was_restated('stored') }}
    union all
    select
        {{ identity('latest') }}, latest.stored_device_ts, latest.period_no, latest.event_at,
        latest.quantity, latest.is_skew_candidate, latest.cause_load_id
    from {{ source('store', 'event_restatements') }} as latest
    where
        latest.disposition = 'n'
        and {{ is_latest_restatement('latest') }}
)

select
    {{ identity('rejected') }}, rejected.stored_device_ts, rejected.period_no, rejected.event_at,
    {{ calibrated('rejected.quantity') }} as quantity, rejected.is_skew_candidate,
    rejected.known_by_load_id
from rejected
inner join {{ ref('stg_config__metrics') }} as metric
    on rejected.metric_no = metric.metric_no and metric.valid_to_load is null
{{ calibrated_by('rejected') }}
where
    not (metric.reading_type = 'cumulative' and metric.aggregation = 'sum')
    -- Whose time it was in a unit, or whose part of what is common, no period of the meter's tenant says.
    and not exists (
        select 1 from {{ ref('stg_config__devices') }} as device
        where
            device.device_no = rejected.device_no
            and device.valid_to_load is null
            and (device.unit_id is not null or (device.meter_role = 'master' and device.property_id in (
                select property_id from {{ ref('stg_config__allocations') }} where valid_to_load is null
            )))
    )
