-- Hours whose use stands out from what the device uses at that local hour. A device that usually uses nothing then says
-- nothing about how much is much.
with usual as (
    select
        hour.tenant_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no, hour.hour_at,
        hour.quantity, hour.spike_factor * {{ median('before.quantity') }} as limit_value
    from {{ ref('int_judged_hours') }} as hour
    inner join {{ ref('int_judged_hours') }} as before
        using (tenant_no, period_no, invoice_version, device_no, metric_no, local_hour)
    where
        hour.is_in_period
        and hour.spike_factor is not null
        and before.hour_at >= hour.hour_at - {{ estimation_lookback() }}
        and before.hour_at < hour.hour_at
    group by
        hour.tenant_no, hour.period_no, hour.invoice_version, hour.device_no, hour.metric_no, hour.hour_at,
        hour.quantity, hour.spike_factor
    having count(*) >= {{ least_usual_hours() }}
)

select * from usual
where limit_value > 0 and quantity > limit_value
