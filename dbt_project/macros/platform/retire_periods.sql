{#
    A period that no contract has any more goes, so that it is neither overlapped nor billed; one that holds use or was
    closed is history and stays. The configuration load refuses changes that would leave use in such a period.
#}
{% macro retire_periods() -%}
    delete from {{ source('store', 'periods') }} as stale
    where
        not exists (
            select 1
            from {{ ref('int_billing_periods') }} as period
            where period.tenant_no = stale.tenant_no and period.period_start_date = stale.period_start_date
        )
        and not exists (
            select 1
            from {{ source('store', 'usage_days') }} as usage
            where usage.tenant_no = stale.tenant_no and usage.period_no = stale.period_no
        )
        and not exists (
            select 1
            from {{ source('store', 'period_closes') }} as closed
            where closed.tenant_no = stale.tenant_no and closed.period_no = stale.period_no
        )
{%- endmacro %}
