{{ config(materialized='scratch', tags=['close'], only_when="exists (select 1 from billing.int_silent_stretches)") }}

-- Registers that were silent in a period to rate, and since when.
select distinct kind, tenant_no, period_no, invoice_version, device_no, metric_no, silent_from_at
from {{ ref('int_silent_stretches') }}
