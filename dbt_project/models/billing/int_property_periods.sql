{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_of_whole_sets(),
    only_when="exists (select 1 from config.units)"
) }}

-- Whom a property's meters concern in this run: periods of occupants of its units, and of the tenant whose meters they
-- are. Those that see the same configuration and the same events share a view of the property, and its meters are read
-- once for all of them. A bridge prices what its invoices recorded. Late use is proposed beside what the close found,
-- and asks only what that does not record, if a price does: when use was, or in which hours something was heard.
with rated as (
    select period.*
    from {{ ref('int_periods_to_rate') }} as period
    where
        period.kind not in ('explain', 'reconcile')
        or (period.kind = 'reconcile' and exists (
            select 1 from {{ ref('int_period_prices') }} as price
            where
                price.tenant_no = period.tenant_no
                and price.period_no = period.period_no
                and price.invoice_version = period.invoice_version
                and (price.measured_by = 'time' or price.charge_basis = 'monitored_hours')
        ))
),

concerned as (
    select period.*, occupied.property_id
    from rated as period
    inner join {{ ref('stg_config__occupancies') }} as occupied
        on period.tenant_no = occupied.tenant_no
        and period.period_end_at > occupied.starts_at
        and period.period_start_at < occupied.ends_at
        and {{ in_force('occupied', 'period.config_load_id') }}
    union distinct
    select period.*, device.property_id
    from rated as period
    inner join {{ ref('stg_config__devices') }} as device
        on period.tenant_no = device.tenant_no
        and device.meter_role is not null
        and {{ in_force('device', 'period.config_load_id') }}
    where exists (
        select 1 from {{ ref('stg_config__units') }} as unit
        where unit.property_id = device.property_id and {{ in_force('unit', 'period.config_load_id') }}
    )
)

select
    tenant_no, period_no, invoice_version, property_id, kind, close_id, config_load_id, last_load_id, recorded_at,
    period_start_at, period_end_at,
    dense_rank() over (
        order by property_id collate "C", kind, close_id, config_load_id, last_load_id, recorded_at
    )::integer as view_no,
    min(period_start_at) over seen as view_start_at,
    max(period_end_at) over seen as view_end_at
from concerned
window seen as (partition by property_id, kind, close_id, config_load_id, last_load_id, recorded_at)
