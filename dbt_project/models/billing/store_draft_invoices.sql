{{ config(
    materialized='store',
    into='draft_invoices',
    tags=['close'],
    pre_hook=["{{ write_drafts() }}"],
    post_hook=["{{ finish_close_request('preview') }}"]
) }}

-- depends_on: {{ ref('store_threshold_events_previewed') }}

-- The last step of a preview and its only write: what the open periods would cost as of an instant.
select
    rated.close_id,
    rated.tenant_no,
    rated.period_no,
    rated.invoice_id,
    period.period_start_at,
    period.period_end_at,
    period.estimated_until_at as as_of,
    rated.currency_code,
    rated.subtotal_amount,
    rated.tax_amount,
    rated.prepaid_amount,
    rated.total_amount,
    rated.is_tax_included,
    rated.input_hash
from {{ ref('int_rated_invoices') }} as rated
inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
where rated.kind = 'preview'
