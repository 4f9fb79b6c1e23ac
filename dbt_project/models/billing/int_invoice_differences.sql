{{ config(
    materialized='scratch',
    tags=['close'],
    only_when="exists (select 1 from billing.int_close_request where kind = 'verify')",
    post_hook=["{{ finish_close_request('verify') }}"]
) }}

-- What was invoiced against what its events, terms and prices give today, compared as text. Empty: reproducible.
{%- set invoice_columns = ['invoice_id', 'currency_code', 'is_tax_included', 'subtotal_amount', 'tax_amount',
    'prepaid_amount', 'total_amount'] %}
{%- set line_columns = ['line_type', 'metric', 'charge_basis', 'charge', 'part', 'rate_card_id', 'rate_card_version',
    'price_model', 'tier_number', 'quantity', 'unit_price', 'estimated_quantity', 'amount', 'description', 'quality_flags'] %}
{%- set usage_columns = ['event_count', 'skew_candidate_count', 'first_event_at', 'last_event_at', 'quantity',
    'estimated_quantity', 'quality_flags'] %}
{%- set row_counts = [
    {'subject': 'usage rows', 'stored': 'closed_usage', 'rated': 'int_rated_usage', 'key': 'device_no, metric_no',
        'columns': usage_columns},
    {'subject': 'flagged hours', 'stored': 'closed_flags', 'rated': 'int_flagged_runs',
        'key': 'device_no, metric_no, flag, first_hour_at',
        'columns': ['last_hour_at', 'quantity', 'limit_value']},
    {'subject': 'taxes', 'stored': 'invoice_taxes', 'rated': 'int_rated_taxes', 'key': 'tax',
        'columns': ['jurisdiction', 'percent', 'taxable_amount', 'tax_amount']},
    {'subject': 'credits', 'stored': 'credit_applications', 'rated': 'int_credit_draws', 'key': 'credit_id',
        'columns': ['available_amount', 'amount']},
    {'subject': 'shares of units', 'stored': 'closed_unit_usage', 'rated': 'int_unit_usage',
        'key': 'device_no, metric_no, property_id, unit_id, occupancy_id, source',
        'columns': ['event_count', 'quantity', 'estimated_quantity']},
] %}
with rated_invoices as (
    select * from {{ ref('int_rated_invoices') }} where kind = 'verify'
),

rated_lines as (
    select line.* from {{ ref('int_rated_lines') }} as line
    inner join rated_invoices using (tenant_no, period_no, invoice_version)
),

differences as (
    select tenant_no, period_no, invoice_version, compared.*
    from {{ source('store', 'invoices') }} as stored
    full join rated_invoices as rated using (tenant_no, period_no, invoice_version)
    cross join lateral (
        values {{ compared_columns(invoice_columns, "''") }}
    ) as compared (subject, stored_value, rated_value)

    union all

    select tenant_no, period_no, invoice_version, compared.*
    from {{ source('store', 'invoice_lines') }} as stored
    full join rated_lines as rated using (tenant_no, period_no, invoice_version, line_number)
    cross join lateral (
        values {{ compared_columns(line_columns, "'line ' || line_number::text || ' '") }}
    ) as compared (subject, stored_value, rated_value)

    union all

    select
        tenant_no, period_no, invoice_version,
        'input_hash' as subject, stored.input_hash as stored_value, rated.input_hash as rated_value
    from {{ source('store', 'period_closes') }} as stored
    full join rated_invoices as rated using (tenant_no, period_no, invoice_version)
    {%- for counted in row_counts %}

    union all

    select
        tenant_no, period_no, invoice_version,
        '{{ counted.subject }} that differ' as subject, count(*)::text as stored_value, '0' as rated_value
    from {{ source('store', counted.stored) }} as stored
    full join (
        select again.* from {{ ref(counted.rated) }} as again
        inner join rated_invoices using (tenant_no, period_no, invoice_version)
    ) as rated
        using (tenant_no, period_no, invoice_version, {{ counted.key }})
    where
        row(stored.{{ counted.columns | join(', stored.') }})
        is distinct from row(rated.{{ counted.columns | join(', rated.') }})
    group by tenant_no, period_no, invoice_version
    {%- endfor %}
)

select
    'INV-' || tenant.tenant_id || '-' || period.period_start_date::text as invoice_id,
    differences.invoice_version,
    differences.subject || ': stored ' || coalesce(differences.stored_value, 'nothing')
    || ', rated ' || coalesce(differences.rated_value, 'nothing') as difference,
    differences.subject,
    differences.stored_value,
    differences.rated_value
from differences
left join {{ source('registry', 'tenants') }} as tenant using (tenant_no)
left join {{ source('store', 'periods') }} as period using (period_no)
where
    differences.stored_value is distinct from differences.rated_value
    and exists (select 1 from {{ ref('int_close_request') }} where kind = 'verify')
