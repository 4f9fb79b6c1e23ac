{{ config(
    materialized='store',
    into='thresholds',
    tags=['close'],
    pre_hook=["{{ forget_thresholds() }}"]
) }}

-- What use of an open period changes its price at: where included units end, and the bounds of tiers, which begin after
-- them. Of charges on what a tenant's devices used of a metric in the whole period; use that is shared with others, or
-- priced apart by time, device or attribute, passes no bound of its own.
with charges as (
    select
        charge.tenant_no, charge.period_no, charge.invoice_version, charge.charge_no, metric.metric_no, charge.charge,
        charge.included_quantity, charge.rate_card_id, charge.rate_card_version, period.close_id
    from {{ ref('int_charges') }} as charge
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ source('registry', 'metrics') }} as registered on charge.metric = registered.metric
    inner join {{ ref('stg_config__metrics') }} as metric
        on registered.metric_no = metric.metric_no
        and metric.aggregation = 'sum'
        and {{ in_force('metric', 'period.config_load_id') }}
    where
        period.kind = 'preview'
        and charge.charge_basis = 'usage'
        and charge.measured_by = 'fleet'
),

alone as (
    select * from charges where not {{ is_shared('charges', is_by_device=false) }}
)

select
    tenant_no, period_no, metric_no, 'included' as kind, charge, included_quantity as threshold_quantity,
    rate_card_id, rate_card_version, close_id
from alone
where included_quantity > 0

union all

select
    tenant_no, period_no, alone.metric_no, 'tier', alone.charge,
    alone.included_quantity + tier.up_to, alone.rate_card_id, alone.rate_card_version, alone.close_id
from alone
inner join {{ ref('int_period_tiers') }} as tier using (tenant_no, period_no, invoice_version, charge_no)
where tier.up_to is not null
