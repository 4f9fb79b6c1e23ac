{{ config(
    materialized='store',
    into='series',
    tags=['load'],
    on_conflict='fail',
    pre_hook=["{{ joins_of_loads() }}"]
) }}

-- Numbers of the series that are new, from the last of their tenant on. Runs take turns, so nobody takes the same.
with wanted as (
    select distinct tenant_no, device_no, metric_no, seq_epoch, 1 as run_no
    from {{ ref('int_dated_events') }}
    where stored_device_ts is null
    union
    select tenant_no, device_no, metric_no, seq_epoch, run_no
    from {{ ref('int_reused_numbers') }}
),

fresh as (
    select wanted.*
    from wanted
    left join {{ source('store', 'series') }} as known
        on {{ same_series('known', 'wanted') }} and known.run_no = wanted.run_no
    where known.series_no is null
),

-- Fenced: where most series are known, the planner expects few new ones, and would look up the last number for each.
lasts as {{ materialized() }} (
    select tenant.tenant_no, numbered.last_no
    from (select distinct tenant_no from {{ ref('int_dated_events') }} where stored_device_ts is null) as tenant
    cross join lateral (
        select max(known.series_no) as last_no from {{ source('store', 'series') }} as known
        where known.tenant_no = tenant.tenant_no
    ) as numbered
)

select
    tenant_no,
    (coalesce(lasts.last_no, 0) + row_number() over (
        partition by tenant_no order by fresh.device_no, fresh.metric_no, fresh.seq_epoch, fresh.run_no
    ))::integer as series_no,
    fresh.device_no,
    fresh.metric_no,
    fresh.seq_epoch,
    fresh.run_no
from fresh
inner join lasts using (tenant_no)
-- Sorted, so that the last numbers are known before the first row is inserted: each look for them would step over all
-- that this statement has inserted. Of several machines one would have to sort for all.
{% if not is_spread() %}order by tenant_no, series_no{% endif %}
