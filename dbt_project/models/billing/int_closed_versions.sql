-- What a closed period has come to: its newest version, and when and under which configuration it was closed first.
select
    tenant_no,
    period_no,
    max(invoice_version) as invoice_version,
    min(recorded_at) as first_recorded_at,
    min(config_load_id) as first_config_load_id
from {{ source('store', 'period_closes') }}
group by tenant_no, period_no
