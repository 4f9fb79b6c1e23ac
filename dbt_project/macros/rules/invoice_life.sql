{# Of one invoice version. #}
{% macro same_version(one, other) -%}
    {{ one }}.tenant_no = {{ other }}.tenant_no
    and {{ one }}.period_no = {{ other }}.period_no
    and {{ one }}.invoice_version = {{ other }}.invoice_version
{%- endmacro %}

{# The number of a document as it is printed: legal entity, kind, and a count without gaps; null where there is none. #}
{% macro document_number(document) -%}
    {{ document }}.legal_entity || case {{ document }}.document_kind
        when 'invoice' then '-INV-' when 'credit_note' then '-CN-' when 'debit_note' then '-DN-'
    end || lpad({{ document }}.document_no::text, greatest(6, length({{ document }}.document_no::text)), '0')
{%- endmacro %}

{# Quantities by metric, less other ones; a metric of which nothing is left is left out. #}
{% macro less_use(all_use, settled_use) -%}
    coalesce((
        select jsonb_object_agg(left_over.metric, trim_scale(left_over.quantity)) filter (where left_over.quantity <> 0)
        from (
            select
                names.metric,
                coalesce(({{ all_use }} ->> names.metric)::numeric, 0)
                - coalesce(({{ settled_use }} ->> names.metric)::numeric, 0) as quantity
            from jsonb_object_keys({{ all_use }} || coalesce({{ settled_use }}, '{}')) as names (metric)
        ) as left_over
    ), '{}')
{%- endmacro %}
