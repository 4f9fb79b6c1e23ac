-- A contract without a class keeps everything: nothing is purged that nobody declared.
select
    contract.tenant_no,
    contract.contract_id,
    contract.starts_at,
    contract.ends_at,
    coalesce(declared.retention_class, 'everything') as retention_class,
    declared.raw_days,
    declared.event_days,
    declared.minute_days
from {{ ref('stg_config__contracts') }} as contract
left join {{ ref('stg_config__retention_classes') }} as declared
    on contract.retention_class = declared.retention_class and declared.valid_to_load is null
where contract.valid_to_load is null
