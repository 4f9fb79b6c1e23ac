{% macro apply_loads() -%}
    update ledger.loads set status = 'applied', applied_at = statement_timestamp()
    where status = 'claimed' and load_id in (select load_id from {{ this }})
{%- endmacro %}
