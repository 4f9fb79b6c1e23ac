{# One message may be lost: a device is silent once two of its expected intervals have passed without one. #}
{% macro silence_interval(expected_interval_seconds) -%}
    (2 * {{ expected_interval_seconds }})::double precision * interval '1 second'
{%- endmacro %}

{% macro is_silent(last_at, until_at, expected_interval_seconds) -%}
    {{ until_at }} - {{ last_at }} > {{ silence_interval(expected_interval_seconds) }}
{%- endmacro %}

{#
    For how long devices with a declared cadence were silent in `periods` (a relation with tenant_no, period_no, period_id
    and the period's bounds), up to the watermark of their region. Read from the days of use: what a device left out
    between two events of one local day does not show. `gap_began_at` is the latest event before the gap.
#}
{% macro device_silence(periods) -%}
    with expected as (
        select
            period.tenant_no,
            period.period_no,
            period.period_id,
            device.device_no,
            type.expected_interval_seconds,
            greatest(period.period_start_at, device.activated_at) as from_at,
            least(period.period_end_at, device.retired_at, watermark.received_until_at) as until_at
        from {{ periods }} as period
        inner join {{ ref('stg_config__devices') }} as device
            on period.tenant_no = device.tenant_no and device.valid_to_load is null
        inner join {{ ref('stg_config__device_types') }} as type
            on device.device_type = type.device_type
            and type.valid_to_load is null
            and type.expected_interval_seconds is not null
        inner join {{ ref('int_tenant_watermarks') }} as watermark on period.tenant_no = watermark.tenant_no
    ),

    heard as (
        select tenant_no, period_no, period_id, device_no, from_at as began_at, from_at as ended_at
        from expected
        where from_at < until_at
        union all
        select
            period.tenant_no, period.period_no, period.period_id, usage.device_no,
            usage.first_event_at, usage.last_event_at
        from {{ periods }} as period
        inner join {{ source('store', 'usage_days') }} as usage
            on period.tenant_no = usage.tenant_no and period.period_no = usage.period_no
        where usage.event_count > 0
        union all
        select tenant_no, period_no, period_id, device_no, until_at, until_at
        from expected
        where from_at < until_at
    ),

    gaps as (
        select
            tenant_no,
            period_no,
            period_id,
            device_no,
            began_at as gap_ended_at,
            max(ended_at) over (
                partition by tenant_no, period_no, period_id, device_no
                order by began_at, ended_at rows between unbounded preceding and 1 preceding
            ) as gap_began_at
        from heard
    )

    select
        expected.tenant_no,
        expected.period_no,
        expected.period_id,
        expected.device_no,
        expected.expected_interval_seconds,
        round(extract(epoch from expected.until_at - expected.from_at) / 3600, 2) as expected_hours,
        round(coalesce(sum(
            extract(epoch from gaps.gap_ended_at - gaps.gap_began_at) - expected.expected_interval_seconds
        ) filter (
            where {{ is_silent('gaps.gap_began_at', 'gaps.gap_ended_at', 'expected.expected_interval_seconds') }}
        ), 0) / 3600, 2) as silent_hours
    from expected
    left join gaps using (tenant_no, period_no, period_id, device_no)
    where expected.from_at < expected.until_at
    group by
        expected.tenant_no, expected.period_no, expected.period_id, expected.device_no,
        expected.expected_interval_seconds, expected.from_at, expected.until_at
{%- endmacro %}
