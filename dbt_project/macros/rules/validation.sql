{# Hours of the same local hour that must have been read before one of them can stand out; and hours before a standstill. #}
{% macro least_usual_hours() -%} 7 {%- endmacro %}

{# Whether a device type says anything by which hours are judged. #}
{% macro is_validated(type) -%}
    (
        {{ type }}.expected_interval_seconds <= {{ longest_estimated_interval_seconds() }}
        or coalesce(
            {{ type }}.min_use_per_hour, {{ type }}.max_use_per_hour, {{ type }}.spike_factor,
            {{ type }}.stuck_after_hours
        ) is not null
    )
{%- endmacro %}

{# An exact median: percentile_cont would pass through binary floats. #}
{% macro median(value) -%}
    0.5 * (
        percentile_disc(0.5) within group (order by {{ value }})
        + percentile_disc(0.5) within group (order by {{ value }} desc)
    )
{%- endmacro %}

{#
    What messages say of themselves that casts doubt on them, by traits number. A source may say several things at once;
    the words for nothing unusual are those of this platform, NEM12 and Green Button.
#}
{% macro doubted_traits() -%}
    (
        select named.traits_no, left(btrim(said.flag), 60) as flag
        from {{ source('registry', 'traits') }} as named
        cross join lateral regexp_split_to_table(named.quality, '[,+]') as said (flag)
        where
            btrim(said.flag)
            not in ('', 'good', 'exchange', 'A', 'valid', 'validated', 'verified', 'revenue-quality')
    )
{%- endmacro %}

{# Sorted and separated by commas; `flags` is an array. #}
{% macro quality_flags(flags, estimated_quantity) -%}
    array_to_string(array(
        select distinct named.flag collate "C" as flag
        from unnest(
            {{ flags }} || case when {{ estimated_quantity }} <> 0 then array['estimated'] end
        ) as named (flag)
        order by flag
    ), ',')
{%- endmacro %}

{# Whether the hours that a close judged can be judged again: those of the period, and four weeks before it. #}
{% macro is_judged_again(period) -%}
    not exists (
        select 1
        from {{ source('store', 'folded_periods') }} as folded
        inner join {{ source('store', 'periods') }} as near using (tenant_no, period_no)
        where
            {{ period }}.kind = 'verify'
            and near.tenant_no = {{ period }}.tenant_no
            and near.period_end_at > {{ period }}.period_start_at - {{ estimation_lookback() }}
            and near.period_start_at < {{ period }}.period_end_at
    )
{%- endmacro %}

{# What a person can do about flagged hours. #}
{% macro flag_remedy(flag) -%}
    case {{ flag }}
        when 'gap'
            then 'ask why the device said nothing; its readings are billed when they come in time, and estimated until '
                || 'then where the contract says so'
        when 'spike' then 'see whether the use is real; if not, have the readings delivered again or credit the use'
        when 'stuck' then 'see whether the meter counts; have it read on site'
        when 'reverse' then {{ register_remedy(flag) }}
        when 'high' then 'see whether the use is possible there; what a register jumped by is billed once it is plausible'
        when 'low' then 'see whether the customer was away or the meter counts too little'
        when 'interleaved' then {{ register_remedy(flag) }}
        else 'ask the source what it means by this quality'
    end
{%- endmacro %}

{#
    Whether the hours of the row's device are looked at: the contract of the period estimates, or its type says what is
    usual. `period` is of int_periods_to_estimate.
#}
{% macro is_watched(period, row) -%}
    (
        (
            {{ period }}.estimation <> 'none'
            and {{ is_rated_series(row, period ~ '.rated_period_no', period ~ '.period_no') }}
        )
        or (
            {{ period }}.tenant_no, {{ period }}.rated_period_no, {{ period }}.period_no, {{ period }}.invoice_version,
            {{ row }}.device_no
        ) in (
            select tenant_no, period_no, period_no, invoice_version, device_no from {{ ref('int_validated_devices') }}
        )
    )
{%- endmacro %}
