{# Time of use: which part of a schedule an instant lies in, by the local clock (DECISIONS.md says how). #}

{# Minutes since midnight of `HH:MM`, up to 1440. #}
{% macro minute_of_day(time) -%}
    split_part({{ time }}, ':', 1)::integer * 60 + split_part({{ time }}, ':', 2)::integer
{%- endmacro %}

{# Whether a day of the year (`MM-DD`) lies in a season, both ends included; one that ends before it begins goes over New Year. #}
{% macro is_in_season(row, month_day) -%}
    case
        when {{ row }}.season_start <= {{ row }}.season_end
            then {{ month_day }} between {{ row }}.season_start and {{ row }}.season_end
        else
            {{ month_day }} >= {{ row }}.season_start
            or {{ month_day }} <= {{ row }}.season_end
    end
{%- endmacro %}

{# A holiday is no `weekday`, on whatever day of the week it falls; numbers do not ask for holidays. #}
{% macro is_kind_of_day(row, local_date, is_holiday) -%}
    (
        'all' = any(string_to_array({{ row }}.days, ' '))
        or extract(isodow from {{ local_date }})::text = any(string_to_array({{ row }}.days, ' '))
        or ('weekday' = any(string_to_array({{ row }}.days, ' ')) and extract(isodow from {{ local_date }}) < 6 and not {{ is_holiday }})
        or ('weekend' = any(string_to_array({{ row }}.days, ' ')) and extract(isodow from {{ local_date }}) > 5)
        or ('holiday' = any(string_to_array({{ row }}.days, ' ')) and {{ is_holiday }})
    )
{%- endmacro %}

{# Whether a charge asks when use was: by part of a schedule, per hour or day, at its peak, or net of another metric. #}
{% macro is_timed(card) -%}
    (
        {{ card }}.charge_basis = 'peak_demand'
        or coalesce({{ card }}.schedule, {{ card }}.window_kind, {{ card }}.net_metric) is not null
    )
{%- endmacro %}

{# By what the clock divides a charge, in one text; null where it does not. #}
{% macro timing(card) -%}
    nullif(concat_ws(
        ' ', {{ card }}.schedule, nullif({{ card }}.tier_meaning, 'per_part'), {{ card }}.window_kind,
        {{ card }}.demand_minutes, {{ card }}.net_metric
    ), '')
{%- endmacro %}

{# Seconds by which a zone's clock differs from UTC at an instant. #}
{% macro zone_offset(instant, time_zone) -%}
    extract(epoch from (({{ instant }}) at time zone {{ time_zone }}) - (({{ instant }}) at time zone 'UTC'))::integer
{%- endmacro %}

{# Slots of use begin with the hours of UTC, and divide them. #}
{% macro slot_of(instant, slot_minutes) -%}
    date_bin({{ slot_minutes }} * interval '1 minute', {{ instant }}, timestamptz '2000-01-01 00:00:00+00')
{%- endmacro %}

{# The interval of so many minutes that an instant lies in; intervals begin with the period's first local midnight. #}
{% macro interval_of(instant, minutes, origin_at) -%}
    date_bin({{ minutes }} * interval '1 minute', {{ instant }}, {{ origin_at }})
{%- endmacro %}

{# The part of an hour's quantity that falls into its `slot`-th slot (from 0): even, and the slots add up to the hour. #}
{% macro slot_share(quantity, slot, slot_minutes) -%}
    (
        round({{ quantity }} * ({{ slot }} + 1) * {{ slot_minutes }} / 60, 10)
        - round({{ quantity }} * {{ slot }} * {{ slot_minutes }} / 60, 10)
    )
{%- endmacro %}
