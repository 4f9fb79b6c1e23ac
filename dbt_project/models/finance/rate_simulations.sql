-- depends_on: {{ ref('store_rate_simulations') }}
select
    simulated.close_id as simulation_id,
    simulated.rate_card_id,
    request.rate_card_version as candidate_version,
    simulated.current_version,
    period.tenant_id,
    period.period_id,
    simulated.cohort,
    coalesce(simulated.cohort = {{ test_cohort() }}, false) as is_test_tenant,
    simulated.currency_code,
    {{ round_money('simulated.current_amount', 'simulated.currency_code') }} as current_amount,
    {{ round_money('simulated.candidate_amount', 'simulated.currency_code') }} as candidate_amount,
    {{ round_money('simulated.candidate_amount - simulated.current_amount', 'simulated.currency_code') }}
        as difference_amount,
    round((simulated.candidate_amount - simulated.current_amount) * 100 / nullif(simulated.current_amount, 0), 2)
        as difference_percent,
    request.config_load_id,
    request.requested_at as simulated_at
from {{ source('store', 'rate_simulations') }} as simulated
inner join {{ source('ledger', 'close_requests') }} as request on simulated.close_id = request.close_id
inner join {{ ref('int_named_periods') }} as period on simulated.period_no = period.period_no
