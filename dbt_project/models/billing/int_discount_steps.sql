{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from config.discounts)"
) }}

-- The discounts of a period in the order in which they are taken off: those on a metric, then those on the whole.
with applied as (
    select period.tenant_no, period.period_no, period.invoice_version, discount.*
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('stg_config__discounts') }} as discount
        on period.tenant_no = discount.discounted_tenant_no and {{ is_discounted('period', 'discount') }}

    union all

    select period.tenant_no, period.period_no, period.invoice_version, discount.*
    from {{ ref('int_periods_to_rate') }} as period
    inner join {{ ref('stg_config__discounts') }} as discount
        on period.rate_card_id = discount.rate_card_id and {{ is_discounted('period', 'discount') }}
),

-- A tier of spend ends where the next begins.
tiers as (
    select
        applied.*,
        lead(spend_from) over (
            partition by tenant_no, period_no, invoice_version, discount_id order by spend_from
        ) as next_from
    from applied
)

select
    tenant_no,
    period_no,
    invoice_version,
    discount_id,
    metric,
    amount,
    min(spend_from) as spend_from,
    jsonb_agg(jsonb_build_array(spend_from, next_from, percent) order by spend_from) as tiers,
    row_number() over (
        partition by tenant_no, period_no, invoice_version
        order by metric collate "C" nulls last, sequence, discount_id collate "C"
    )::integer as step_no,
    row_number() over (
        partition by tenant_no, period_no, invoice_version, metric order by sequence, discount_id collate "C"
    ) = 1 as is_first_of_metric
from tiers
group by tenant_no, period_no, invoice_version, discount_id, metric, amount, sequence
