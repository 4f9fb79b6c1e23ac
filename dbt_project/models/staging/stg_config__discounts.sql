select
    config.discount_id,
    tenants.tenant_no as discounted_tenant_no,
    config.rate_card_id,
    config.metric,
    config.percent::numeric as percent,
    config.amount::numeric as amount,
    config.spend_from::numeric as spend_from,
    config.starts_date::date as starts_date,
    coalesce(config.ends_date::date, 'infinity') as ends_date,
    config.sequence::integer as sequence,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'discounts') }} as config
left join {{ source('registry', 'tenants') }} as tenants using (tenant_id)
