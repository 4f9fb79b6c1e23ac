-- depends_on: {{ ref('store_period_closes') }}
select
    period.tenant_id,
    period.period_id,
    closed.closed_at,
    closed.reason,
    closed.input_hash,
    closed.invoice_version,
    closed.close_id,
    closed.contract_id,
    closed.proration_numerator,
    closed.proration_denominator,
    closed.config_load_id,
    closed.last_load_id,
    closed.recorded_at
from {{ source('store', 'period_closes') }} as closed
inner join {{ ref('int_named_periods') }} as period on closed.period_no = period.period_no
