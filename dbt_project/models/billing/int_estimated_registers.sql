{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from billing.int_silent_stretches)"
) }}

-- What silent registers used: at the rate at which they were used before. Where the next reading has come, all that was
-- used since the last one is in its bucket, so what the periods before estimated of it is taken back.
with steps as (
    select
        *,
        event_at - lag(event_at) over (
            partition by tenant_no, period_no, invoice_version, device_no, metric_no, silent_from_at
            order by event_at, flag nulls first, quantity
        ) as since_reading
    from {{ ref('int_learnt_readings') }}
),

-- The use up to a new meter's first reading is not known, so neither is its time counted.
rates as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, silent_from_at,
        sum(quantity) as learnt_quantity, extract(epoch from sum(since_reading)) as learnt_seconds
    from steps
    where since_reading is not null and flag is distinct from 'exchange'
    group by tenant_no, period_no, invoice_version, device_no, metric_no, silent_from_at
),

estimated as (
    select stretch.*, {{ at_the_rate_before('stretch') }}::numeric(20, 10) as quantity
    from (
        select *
        from {{ ref('int_silent_stretches') }}
        inner join rates
            using (tenant_no, period_no, invoice_version, device_no, metric_no, silent_from_at)
        where learnt_seconds > 0
    ) as stretch
)

select
    tenant_no, period_no, invoice_version, device_no, metric_no, bucket_start_at,
    case when is_over then 'true_up' else 'linear' end as method,
    case when is_over then -quantity else quantity end as quantity
from estimated
where quantity <> 0
