select
    registered.tenant_no,
    config.contract_id,
    config.tenant_id,
    config.time_zone,
    config.billing_cycle,
    config.late_policy,
    config.clock_policy,
    config.rate_card_id,
    config.cohort,
    coalesce(config.estimation, 'none') as estimation,
    config.load_profile,
    config.anchor_day::integer as anchor_day,
    config.grace_hours::integer as grace_hours,
    config.close_delay_minutes::integer as close_delay_minutes,
    config.minimum_spend_amount::numeric as minimum_spend_amount,
    config.tax_percent::numeric as tax_percent,
    config.starts_at::timestamptz as starts_at,
    coalesce(config.ends_at::timestamptz, 'infinity') as ends_at,
    config.valid_from_load,
    config.valid_to_load
from {{ source('config', 'contracts') }} as config
inner join {{ source('registry', 'tenants') }} as registered using (tenant_id)
