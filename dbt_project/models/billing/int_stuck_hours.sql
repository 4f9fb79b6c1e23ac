-- Hours of a run in which a meter seems to stand: it uses the same again and again, or a register that usually moves
-- does not. A run that began before the period counts from there.
with numbered as (
    select
        *,
        hour_at - interval '1 hour' * row_number() over (
            partition by tenant_no, period_no, invoice_version, device_no, metric_no, quantity order by hour_at
        ) as run_at
    from {{ ref('int_judged_hours') }}
    where stuck_after_hours is not null and (quantity <> 0 or is_register)
),

runs as (
    select
        tenant_no, period_no, invoice_version, device_no, metric_no, quantity, run_at, stuck_after_hours,
        min(hour_at) as first_hour_at, max(hour_at) as last_hour_at
    from numbered
    group by tenant_no, period_no, invoice_version, device_no, metric_no, quantity, run_at, stuck_after_hours
    having count(*) >= stuck_after_hours and bool_or(is_in_period)
),

-- Of a register that stands still: what it used in an hour before.
usual as (
    select
        run.tenant_no, run.period_no, run.invoice_version, run.device_no, run.metric_no, run.first_hour_at
    from runs as run
    inner join {{ ref('int_judged_hours') }} as before
        using (tenant_no, period_no, invoice_version, device_no, metric_no)
    where
        run.quantity = 0
        and before.hour_at >= run.first_hour_at - {{ estimation_lookback() }}
        and before.hour_at < run.first_hour_at
    group by
        run.tenant_no, run.period_no, run.invoice_version, run.device_no, run.metric_no, run.first_hour_at
    having count(*) >= {{ least_usual_hours() }} and {{ median('before.quantity') }} > 0
)

select
    hour.tenant_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no, hour.hour_at, hour.quantity,
    run.stuck_after_hours as limit_value
from runs as run
inner join {{ ref('int_judged_hours') }} as hour
    using (tenant_no, period_no, invoice_version, device_no, metric_no)
left join usual using (tenant_no, period_no, invoice_version, device_no, metric_no, first_hour_at)
where
    hour.is_in_period
    and hour.hour_at between run.first_hour_at and run.last_hour_at
    and (run.quantity <> 0 or usual.tenant_no is not null)
