{# Periods that are new or that a later configuration cuts otherwise; what nothing changed is left alone. #}
{% macro changed_periods() -%}
    select named.*
    from {{ ref('int_billing_periods') }} as named
    left join {{ source('store', 'periods') }} as known
        on named.tenant_no = known.tenant_no and named.period_start_date = known.period_start_date
    where
        {{ in_lane('named.tenant_no') }}
        and row(
            named.contract_id, named.period_start_at, named.period_end_at, named.boundary_at,
            named.proration_numerator, named.proration_denominator, named.time_zone, named.late_policy
        ) is distinct from row(
            known.contract_id, known.period_start_at, known.period_end_at, known.boundary_at,
            known.proration_numerator, known.proration_denominator, known.time_zone, known.late_policy
        )
{%- endmacro %}

{% macro replace_period() -%}
    (tenant_no, period_start_date) do update set
        contract_id = excluded.contract_id,
        period_start_at = excluded.period_start_at,
        period_end_at = excluded.period_end_at,
        boundary_at = excluded.boundary_at,
        last_local_month = excluded.last_local_month,
        proration_numerator = excluded.proration_numerator,
        proration_denominator = excluded.proration_denominator,
        time_zone = excluded.time_zone,
        late_policy = excluded.late_policy
        where row(
            kept.contract_id, kept.period_start_at, kept.period_end_at, kept.boundary_at,
            kept.proration_numerator, kept.proration_denominator, kept.time_zone, kept.late_policy
        ) is distinct from row(
            excluded.contract_id, excluded.period_start_at, excluded.period_end_at, excluded.boundary_at,
            excluded.proration_numerator, excluded.proration_denominator, excluded.time_zone,
            excluded.late_policy
        )
{%- endmacro %}
