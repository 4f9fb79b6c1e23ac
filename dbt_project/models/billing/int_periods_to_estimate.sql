{{ config(materialized='scratch', tags=['close']) }}

-- Periods whose hours a rated period needs to know: its own, where its contract estimates or a device's type says what
-- is usual; and those of which it bills readings that came late, where their contract estimates.
with needed as (
    select period_no as rated_period_no, period_no, tenant_no, invoice_version
    from {{ ref('int_periods_to_rate') }}
    where {{ reads_current('kind') }} or kind = 'verify'
    union distinct
    select period_no, measured_period_no, tenant_no, invoice_version
    from {{ ref('int_deferred_hours') }}
)

select
    needed.rated_period_no,
    needed.period_no,
    needed.tenant_no,
    needed.invoice_version,
    rated.kind,
    rated.close_id,
    rated.config_load_id,
    rated.last_load_id,
    rated.recorded_at,
    case when needed.period_no = rated.period_no then rated.period_start_at else period.period_start_at end
        as period_start_at,
    case when needed.period_no = rated.period_no then rated.period_end_at else period.period_end_at end
        as period_end_at,
    rated.estimated_until_at,
    contract.time_zone,
    contract.estimation,
    contract.load_profile
from needed
inner join {{ ref('int_periods_to_rate') }} as rated
    on needed.tenant_no = rated.tenant_no
    and needed.rated_period_no = rated.period_no
    and needed.invoice_version = rated.invoice_version
inner join {{ source('store', 'periods') }} as period on needed.period_no = period.period_no
inner join {{ ref('stg_config__contracts') }} as contract
    on period.tenant_no = contract.tenant_no
    and contract.contract_id
    = case when needed.period_no = rated.period_no then rated.contract_id else period.contract_id end
    and {{ in_force('contract', 'rated.config_load_id') }}
where
    contract.estimation <> 'none'
    or (needed.tenant_no, needed.rated_period_no, needed.period_no, needed.invoice_version) in (
        select tenant_no, period_no as rated_period_no, period_no, invoice_version
        from {{ ref('int_validated_devices') }}
    )
