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

{# Use of the tenants, periods and metrics in `asked_for`: of all devices together where the device is 0, or of one. #}
{% macro use_so_far(asked_for) -%}
    select
        asked.tenant_no, asked.period_no, asked.metric_no, asked.device_no,
        sum(usage.quantity) as quantity, max(usage.last_event_at) as last_event_at
    from (select distinct tenant_no, period_no, metric_no, device_no from {{ asked_for }}) as asked
    inner join {{ source('store', 'usage_days') }} as usage
        on asked.tenant_no = usage.tenant_no
        and asked.period_no = usage.period_no
        and asked.metric_no = usage.metric_no
        and (asked.device_no = 0 or asked.device_no = usage.device_no)
    where usage.event_count > 0
    group by asked.tenant_no, asked.period_no, asked.metric_no, asked.device_no
{%- endmacro %}

{#
    Thresholds of open periods that use has not passed yet, among the tenants, periods and metrics in `looked_at`, with the
    use so far: of the tenant, or of one device where the device of a budget is not 0.
#}
{% macro watched_use(looked_at) -%}
open_periods as (
    select looked_at.*
    from {{ looked_at }} as looked_at
    where not {{ is_closed('looked_at.tenant_no', 'looked_at.period_no') }}
),

watched as (
    select open_periods.*, 0 as device_no, bound.kind, bound.charge as name, bound.threshold_quantity
    from open_periods
    inner join {{ source('store', 'thresholds') }} as bound using (tenant_no, period_no, metric_no)
    union all
    select open_periods.*, budget.device_no, 'budget', budget.budget_id, budget.quantity
    from open_periods
    inner join {{ ref('stg_config__budgets') }} as budget using (tenant_no, metric_no)
    where budget.valid_to_load is null
),

waiting as (
    select watched.*
    from watched
    left join {{ source('store', 'threshold_events') }} as passed
        using (tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity)
    where passed.threshold_event_no is null
),

uses as (
    {{ use_so_far('waiting') }}
)

select
    tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity,
    uses.quantity::numeric(30, 10) as quantity,
    uses.last_event_at
from waiting
inner join uses using (tenant_no, period_no, metric_no, device_no)
{%- endmacro %}

{# A bound belongs to the tier below it, so use must be more. #}
{% macro passed_thresholds(watched) -%}
    select
        tenant_no, period_no, metric_no, device_no, kind, name, threshold_quantity, quantity, last_event_at
    from {{ watched }}
    where quantity > threshold_quantity
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
