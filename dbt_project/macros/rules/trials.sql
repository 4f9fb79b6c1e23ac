{#
    Whether a period is rated by use as it now stands, and not as a close found it: to close, to preview what is open, to
    simulate a price. What a preview or a simulation rates never reaches the gates, the closes or finance.invoices.
#}
{% macro reads_current(kind) -%} {{ kind }} in ('close', 'preview', 'simulate') {%- endmacro %}

{# The instant up to which a request looks. #}
{% macro as_of(request, watermark) -%} coalesce({{ request }}.as_of, {{ watermark }}.received_until_at) {%- endmacro %}

{#
    Open periods that have begun: those that end in the month asked for or, where none is, those that may not close yet.
    What is due and not closed is held by something, and a preview would only repeat it.
#}
{% macro is_previewed(period, request, watermark) -%}
    not {{ is_closed(period ~ '.tenant_no', period ~ '.period_no') }}
    and {{ period }}.period_start_at < {{ as_of(request, watermark) }}
    and (
        {{ period }}.last_local_month = {{ request }}.period_month
        or ({{ request }}.period_month = {{ no_month() }} and {{ period }}.boundary_at > {{ as_of(request, watermark) }})
    )
{%- endmacro %}

{# What a request names that is about no single month. #}
{% macro no_month() -%} date '1970-01-01' {%- endmacro %}

{# Contracts of this cohort exist to try prices on; they are rated under every candidate of their currency. #}
{% macro test_cohort() -%} 'test' {%- endmacro %}

{# Drafts are replaced by those of the next preview, and go when their period closes. #}
{% macro write_drafts() -%}
    {%- for table in ('draft_lines', 'draft_invoices') %}
    delete from {{ source('store', table) }} as draft
    where
        {{ is_closed('draft.tenant_no', 'draft.period_no') }}
        or (draft.tenant_no, draft.period_no) in (
            select tenant_no, period_no from {{ ref('int_periods_to_rate') }} where kind = 'preview'
        );
    {%- endfor %}
    {%- set columns = [
        'line_number', 'line_type', 'metric', 'charge_basis', 'charge', 'part', 'rate_card_id', 'rate_card_version',
        'price_model', 'tier_number', 'quantity', 'unit_price', 'estimated_quantity', 'amount', 'description',
        'quality_flags'
    ] %}
    insert into {{ source('store', 'draft_lines') }} (tenant_no, period_no, {{ columns | join(', ') }})
    select tenant_no, period_no, line.{{ columns | join(', line.') }}
    from {{ ref('int_rated_lines') }} as line
    inner join {{ ref('int_rated_invoices') }} as invoice using (tenant_no, period_no, invoice_version)
    where invoice.kind = 'preview'
{%- endmacro %}
