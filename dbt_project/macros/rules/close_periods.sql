{# Whether dbt runs the data tests between the models: `build` does, `run` does not. #}
{% macro is_checked_run() -%} {{ flags.WHICH == 'build' }} {%- endmacro %}

{# A period is open as long as no close has recorded it. #}
{% macro is_closed(tenant_no, period_no) -%}
    exists (
        select 1 from {{ source('store', 'period_closes') }} as done
        where done.tenant_no = {{ tenant_no }} and done.period_no = {{ period_no }}
    )
{%- endmacro %}

{#
    Everything that a close writes beside store.period_closes, in the transaction that writes that. These inserts take
    no conflict: if another close made the same version meanwhile, this one fails whole and writes nothing. What moves
    single invoices afterwards finds each by its index again.
#}
{% macro write_closed_invoices() -%}
    {{ joins_of_whole_sets() }};

    insert into {{ source('store', 'closed_usage') }} (
        tenant_no, period_no, device_no, metric_no, invoice_version, event_count, skew_candidate_count,
        first_event_at, last_event_at, quantity, estimated_quantity, quality_flags
    )
    select
        usage.tenant_no, usage.period_no, usage.device_no, usage.metric_no, usage.invoice_version, usage.event_count,
        usage.skew_candidate_count, usage.first_event_at, usage.last_event_at, usage.quantity, usage.estimated_quantity,
        usage.quality_flags
    from {{ ref('int_rated_usage') }} as usage
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'invoices') }} (
        tenant_no, period_no, invoice_version, invoice_id, currency_code, is_tax_included, subtotal_amount, tax_amount,
        prepaid_amount, total_amount, legal_entity, invoice_approval
    )
    select
        tenant_no, period_no, invoice_version, invoice.invoice_id, invoice.currency_code, invoice.is_tax_included,
        invoice.subtotal_amount, invoice.tax_amount, invoice.prepaid_amount, invoice.total_amount, period.legal_entity,
        period.invoice_approval
    from {{ ref('int_cleared_invoices') }} as invoice
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'invoice_taxes') }} (
        tenant_no, period_no, invoice_version, jurisdiction, tax, percent, taxable_amount, tax_amount
    )
    select
        tenant_no, period_no, invoice_version, tax.jurisdiction, tax.tax, tax.percent, tax.taxable_amount,
        tax.tax_amount
    from {{ ref('int_rated_taxes') }} as tax
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'credit_applications') }} (
        tenant_no, period_no, invoice_version, credit_id, available_amount, amount
    )
    select tenant_no, period_no, invoice_version, draw.credit_id, draw.available_amount, draw.amount
    from {{ ref('int_credit_draws') }} as draw
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'invoice_lines') }} (
        tenant_no, period_no, invoice_version, line_number, line_type, metric, charge_basis, charge, part, rate_card_id,
        rate_card_version, price_model, tier_number, quantity, unit_price, estimated_quantity, amount, description,
        quality_flags
    )
    select
        line.tenant_no, line.period_no, line.invoice_version, line.line_number, line.line_type, line.metric,
        line.charge_basis, line.charge, line.part, line.rate_card_id, line.rate_card_version, line.price_model,
        line.tier_number, line.quantity, line.unit_price, line.estimated_quantity, line.amount, line.description, line.quality_flags
    from {{ ref('int_rated_lines') }} as line
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'line_explanations') }} (
        tenant_no, period_no, invoice_version, line_number, measured_quantity, included_quantity, quantity_before,
        lower_bound, up_to, tier_quantity, package_size, proration_numerator, proration_denominator, exact_amount
    )
    select
        tenant_no, period_no, invoice_version, line.line_number, line.measured_quantity, line.included_quantity,
        line.quantity_before, line.lower_bound, line.up_to, line.tier_quantity, line.package_size, line.proration_numerator,
        line.proration_denominator, line.exact_amount
    from {{ ref('int_line_explanations') }} as line
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'closed_steps') }} (
        tenant_no, period_no, invoice_version, charge_no, step_no, metric, charge_basis, charge, divided_by, part,
        window_start_at, quantity_before, quantity, event_count, bounded_amount
    )
    select
        tenant_no, period_no, invoice_version, charge.charge_no,
        row_number() over (
            partition by tenant_no, period_no, invoice_version, charge.charge_no
            order by step.window_start_at nulls first, step.quantity_before, step.part collate "C"
        ),
        charge.metric, charge.charge_basis, charge.charge, {{ divided_by('charge') }}, coalesce(step.part, ''),
        step.window_start_at, coalesce(step.quantity_before, 0), coalesce(step.quantity, 0), step.event_count,
        step.bounded_amount
    from {{ ref('int_charges') }} as charge
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version)
    left join {{ ref('int_charge_steps') }} as step using (tenant_no, period_no, invoice_version, charge_no)
    where charge.measured_by not in ('fleet', 'devices') and charge.first_date is null;

    insert into {{ source('store', 'closed_estimates') }} (
        tenant_no, period_no, invoice_version, device_no, metric_no, bucket_start_at, method, quantity
    )
    select
        tenant_no, period_no, invoice_version, estimate.device_no, estimate.metric_no, estimate.bucket_start_at,
        estimate.method, estimate.quantity
    from {{ ref('int_estimates') }} as estimate
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'closed_unit_usage') }} (
        tenant_no, period_no, invoice_version, device_no, metric_no, property_id, unit_id, occupancy_id, source,
        event_count, quantity, estimated_quantity
    )
    select
        tenant_no, period_no, invoice_version, usage.device_no, usage.metric_no, usage.property_id, usage.unit_id,
        usage.occupancy_id, usage.source, usage.event_count, usage.quantity, usage.estimated_quantity
    from {{ ref('int_unit_usage') }} as usage
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'closed_flags') }} (
        tenant_no, period_no, invoice_version, device_no, metric_no, flag, first_hour_at, last_hour_at, quantity,
        limit_value
    )
    select
        tenant_no, period_no, invoice_version, flagged.device_no, flagged.metric_no, flagged.flag,
        flagged.first_hour_at, flagged.last_hour_at, flagged.quantity, flagged.limit_value
    from {{ ref('int_flagged_runs') }} as flagged
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    insert into {{ source('store', 'closed_intervals') }} (
        tenant_no, period_no, invoice_version, charge_no, metric, demand_minutes, part, window_start_at, quantity_before,
        quantity, estimated_quantity, measured_quantity
    )
    select
        tenant_no, period_no, invoice_version, charge_no, price.metric, price.demand_minutes, priced.part,
        priced.window_start_at, priced.quantity_before, priced.quantity, priced.estimated_quantity,
        priced.measured_quantity
    from {{ ref('int_charge_intervals') }} as priced
    inner join {{ ref('int_period_prices') }} as price using (tenant_no, period_no, invoice_version, charge_no)
    inner join {{ ref('int_cleared_invoices') }} as invoice using (tenant_no, period_no, invoice_version);

    set local enable_nestloop = on
{%- endmacro %}

{# One entry per invoice version, in a fixed order. #}
{% macro audit_closed_periods() -%}
    select audit.append('billing', 'period_closed', ordered.payload)
    from (
        select
            jsonb_build_object(
                'close_id', close_id,
                'invoice_id', invoice_id,
                'invoice_version', invoice_version,
                'reason', reason,
                'currency_code', currency_code,
                'total_amount', {{ round_money('total_amount', 'currency_code') }}::text,
                'input_hash', input_hash
            )::text as payload
        from {{ ref('int_cleared_invoices') }}
        order by invoice_id collate "C"
    ) as ordered
{%- endmacro %}

{# Draft and gated; approved, issued and numbered as well, unless the contract asks for a person (`0025`). #}
{% macro record_invoice_moves() -%}
    select store.record_close(made.close_id)
    from (select distinct close_id from {{ ref('int_cleared_invoices') }}) as made
{%- endmacro %}

{#
    The request is done, and with it every older one: a crash or a gate stopped those, and this one came after. A close
    that the gates have not judged is not done, however often dbt builds it.
#}
{% macro finish_close_request(kind) -%}
    update {{ source('ledger', 'close_requests') }} set finished_at = statement_timestamp()
    where
        finished_at is null
        and close_id <= (
            select request.close_id
            from {{ ref('int_close_request') }} as request
            inner join {{ source('ledger', 'close_requests') }} as asked using (close_id)
            where request.kind = '{{ kind }}' and (request.kind <> 'close' or asked.judged_at is not null)
        )
{%- endmacro %}
