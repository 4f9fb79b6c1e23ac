{# The columns of a rated line, whatever made it; a line that no charge made has null for those of a charge. #}
{% macro line_columns() -%}
    {{ return([
        'tenant_no', 'period_no', 'invoice_version', 'line_type', 'metric', 'charge_basis', 'charge', 'part',
        'rate_card_id', 'rate_card_version', 'price_model', 'tier_number', 'quantity', 'unit_price',
        'estimated_quantity', 'amount', 'description', 'quality_flags',
    ]) }}
{%- endmacro %}
