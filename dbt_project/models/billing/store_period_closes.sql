{{ config(
    materialized='store',
    into='period_closes',
    tags=['publish'],
    pre_hook=["{{ write_closed_invoices() }}"],
    post_hook=["{{ audit_closed_periods() }}", "{{ record_invoice_moves() }}", "{{ finish_close_request('close') }}"]
) }}

-- The last step of a close and its only write: usage, invoices, lines, closes, audit entries and the end of the request
-- are one transaction (the hooks run inside it), so a close happened whole or not at all.
select
    invoice.close_id,
    invoice.tenant_no,
    invoice.period_no,
    invoice.invoice_version,
    -- The boundary, whenever the close ran (RULES 2).
    period.boundary_at as closed_at,
    invoice.reason,
    invoice.input_hash,
    period.config_load_id,
    period.last_load_id,
    period.contract_id,
    period.period_start_at,
    period.period_end_at,
    period.proration_numerator,
    period.proration_denominator,
    -- When it was rated: what is applied between that and this is not in it.
    period.recorded_at
from {{ ref('int_cleared_invoices') }} as invoice
inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
