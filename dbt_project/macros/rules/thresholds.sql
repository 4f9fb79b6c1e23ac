{# Whether anybody waits for use to pass something. #}
{% macro is_anything_watched() -%}
    exists (select 1 from store.thresholds) or exists (select 1 from config.budgets where valid_to_load is null)
{%- endmacro %}

{# Thresholds are found anew by each preview of their period, and go when it closes. #}
{% macro forget_thresholds() -%}
    delete from {{ source('store', 'thresholds') }} as old
    where
        {{ is_closed('old.tenant_no', 'old.period_no') }}
        or (old.tenant_no, old.period_no) in (
            select tenant_no, period_no from {{ ref('int_periods_to_rate') }} where kind = 'preview'
        )
{%- endmacro %}

{#
    When use that goes on as it went so far passes a threshold: so long after the period's start as the threshold is to
    the use. Null where that is after the period's end, or nothing was used.
#}
{% macro projected_crossing(period, use) -%}
    case
        when
            {{ use }}.quantity > 0
            and {{ use }}.threshold_quantity * extract(epoch from {{ use }}.last_event_at - {{ period }}.period_start_at)
            < {{ use }}.quantity * extract(epoch from {{ period }}.period_end_at - {{ period }}.period_start_at)
            then {{ period }}.period_start_at
                + ({{ use }}.last_event_at - {{ period }}.period_start_at)
                * ({{ use }}.threshold_quantity / {{ use }}.quantity)::double precision
    end
{%- endmacro %}
