{# From how many devices on a tenant's use is compared with that of the period before: one meter may do anything. #}
{% macro devices_of_a_fleet() -%} 10 {%- endmacro %}

{# From which amount on, in the invoice's currency, a total is compared with another one: small ones jump. #}
{% macro comparable_amount() -%} 1000 {%- endmacro %}

{% macro is_comparable(metrics) -%}
    {{ metrics }}.previous_device_count >= {{ devices_of_a_fleet() }} and {{ metrics }}.previous_quantity > 0
{%- endmacro %}

{# `now` as a multiple of `before`, where either is large enough to tell. #}
{% macro amount_ratio(now, before) -%}
    case when {{ before }} > 0 and greatest({{ now }}, {{ before }}) >= {{ comparable_amount() }}
        then {{ now }} / {{ before }} end
{%- endmacro %}

{# The newest verdict about a subject, where it holds it and nobody has decided otherwise about these very findings. #}
{% macro is_standing(verdict) -%}
    {{ verdict }}.verdict = 'held'
    and not exists (
        select 1 from {{ source('ledger', 'gate_verdicts') }} as newer
        where
            newer.gate = {{ verdict }}.gate
            and newer.subject = {{ verdict }}.subject
            and newer.gate_run_id > {{ verdict }}.gate_run_id
    )
    and not exists (
        select 1 from {{ source('ledger', 'gate_overrides') }} as decided
        where
            decided.gate = {{ verdict }}.gate
            and decided.subject = {{ verdict }}.subject
            and decided.findings_sha256 = {{ verdict }}.findings_sha256
    )
{%- endmacro %}

{# From how many messages of a tenant and day on a share of them means something. #}
{% macro events_of_a_fleet() -%} 100 {%- endmacro %}

{# From how many records on a file in which nothing is a message is judged as a whole, not row by row. #}
{% macro records_of_a_delivery() -%} 1000 {%- endmacro %}
