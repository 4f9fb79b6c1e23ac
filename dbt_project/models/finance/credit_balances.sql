-- depends_on: {{ ref('store_period_closes') }}
-- Of what invoices drew, only what their newest version did.
with drawn as (
    select application.credit_id, sum(application.amount) as amount
    from {{ source('store', 'credit_applications') }} as application
    where {{ is_newest_draw('application') }}
    group by application.credit_id
)

select
    credit.credit_id,
    credit.tenant_id,
    credit.currency_code,
    credit.granted_date,
    nullif(credit.expires_date, 'infinity') as expires_date,
    {{ round_money('credit.amount', 'credit.currency_code') }} as amount,
    {{ round_money('coalesce(drawn.amount, 0)', 'credit.currency_code') }} as drawn_amount,
    {{ round_money('credit.amount', 'credit.currency_code') }}
    - {{ round_money('coalesce(drawn.amount, 0)', 'credit.currency_code') }} as balance_amount
from {{ ref('stg_config__credits') }} as credit
left join drawn using (credit_id)
where credit.valid_to_load is null
