{#
    A period that no contract has any more goes, so that it is neither overlapped nor billed. One that was closed is
    history and stays; so does one that holds use, unless the configuration that ended it is being applied: then this run
    finds all its events their new place.
#}
{% macro retire_periods() -%}
    with ended as materialized (
        select stale.tenant_no, stale.period_no
        from {{ source('store', 'periods') }} as stale
        where
            {{ in_lane('stale.tenant_no') }}
            and not exists (
                select 1
                from {{ ref('int_billing_periods') }} as period
                where period.tenant_no = stale.tenant_no and period.period_start_date = stale.period_start_date
            )
            and not {{ is_closed('stale.tenant_no', 'stale.period_no') }}
    ),

    in_use as materialized (
        {%- set used = 'usage.tenant_no = ended.tenant_no and usage.period_no = ended.period_no and usage.event_count > 0' %}
        {%- if is_spread() %}
        select distinct ended.tenant_no, ended.period_no
        from ended
        inner join {{ source('store', 'usage_days') }} as usage on {{ used }}
        where true
        {%- else %}
        select ended.tenant_no, ended.period_no
        from ended
        where exists (select 1 from {{ source('store', 'usage_days') }} as usage where {{ used }})
        {%- endif %}
            and ended.tenant_no not in (
                select change.tenant_no
                from {{ source('ledger', 'configuration_changes') }} as change
                where change.device_no is null and change.metric_no is null and {{ is_claimed('change.load_id') }}
            )
    )

    delete from {{ source('store', 'periods') }} as stale
    where
        stale.period_no in (
            select ended.period_no from ended left join in_use using (tenant_no, period_no) where in_use.period_no is null
        )
{%- endmacro %}
