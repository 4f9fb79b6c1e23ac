{{ config(materialized='store', into='seen_exchanges', tags=['load']) }}
-- depends_on: {{ ref('store_usage_hours_registers') }}
-- depends_on: {{ ref('store_usage_days_registers') }}

-- Last of all: an exchange counts as seen when the use that it changes is stored.
select tenant_no, device_no, metric_no, exchanged_at, is_declared
from {{ ref('int_exchange_changes') }}
where {{ in_lane('tenant_no') }}
