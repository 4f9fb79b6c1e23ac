-- What the newest version of each invoice flags, by device and metric.
select
    flagged.tenant_no, flagged.period_no, flagged.device_no, flagged.metric_no,
    array_agg(distinct flagged.flag) as flags
from {{ source('store', 'closed_flags') }} as flagged
where not exists (
    select 1
    from {{ source('store', 'period_closes') }} as newer
    where
        newer.tenant_no = flagged.tenant_no
        and newer.period_no = flagged.period_no
        and newer.invoice_version > flagged.invoice_version
)
group by flagged.tenant_no, flagged.period_no, flagged.device_no, flagged.metric_no
