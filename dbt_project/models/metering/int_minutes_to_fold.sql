-- Use by minute of the month that is being archived, of tenants with a contract whose class keeps minutes.
with events as (
    select *
    from {{ ref('int_metered_events') }}
    where {{ is_in_month_that_leaves('stored_device_ts') }}
)

select minute.*
from ({{ minute_totals('events') }}) as minute
where not exists (
    select 1
    from {{ ref('stg_config__contracts') }} as contract
    inner join {{ ref('stg_config__retention_classes') }} as declared
        on contract.retention_class = declared.retention_class and declared.valid_to_load is null
    inner join {{ source('store', 'periods') }} as period on minute.period_no = period.period_no
    where
        contract.valid_to_load is null
        and contract.tenant_no = minute.tenant_no
        and contract.contract_id = period.contract_id
        and declared.minute_days = 0
)
