{#
    The instant of a local midnight (RULES 12): where it occurs twice the first, where it does not exist the instant
    of the change. PostgreSQL alone takes the later of two; the offset of the day before gives the other candidate.
#}
{% macro local_midnight(local_date, time_zone) -%}
    (
        select case
            when other.instant at time zone {{ time_zone }} = ({{ local_date }})::timestamp
                then least(usual.instant, other.instant)
            else usual.instant
        end
        from (select ({{ local_date }})::timestamp at time zone {{ time_zone }} as instant) as usual
        cross join lateral (
            select (({{ local_date }})::timestamp - (
                (day_before.shown at time zone 'UTC') at time zone {{ time_zone }} - day_before.shown
            )) at time zone 'UTC' as instant
            from (select usual.instant at time zone 'UTC' - interval '1 day' as shown) as day_before
        ) as other
    )
{%- endmacro %}

{% macro local_date(instant, time_zone) -%}
    (({{ instant }}) at time zone {{ time_zone }})::date
{%- endmacro %}

{# What a clock of the zone shows: a text with an offset is an instant, one without is what the clock shows already. #}
{% macro wall_time(text, time_zone) -%}
    case
        when {{ text }} ~ '[T ].*(Z|[+-][0-9]{2}:[0-9]{2})$' then ({{ text }})::timestamptz at time zone {{ time_zone }}
        else ({{ text }})::timestamp
    end
{%- endmacro %}

{# The local date of a period's last instant. #}
{% macro last_date(period) -%}
    greatest(
        {{ period }}.period_start_date,
        {{ local_date(period ~ ".period_end_at - interval '1 microsecond'", period ~ '.time_zone') }}
    )
{%- endmacro %}

{# The anchor's date in the month that begins at `month_start`: days 29 to 31 fall to the month's last day. #}
{% macro anchored_date(month_start, anchor_day) -%}
    ({{ month_start }} + least(
        {{ anchor_day }}, extract(day from {{ month_start }} + interval '1 month' - interval '1 day')::integer
    ) - 1)::date
{%- endmacro %}

{# The instant from which received messages are late: a function of contract and calendar alone (RULES 2). #}
{% macro boundary_at(period_end_at, contract, override_at) -%}
    coalesce(
        {{ override_at }},
        {{ period_end_at }} + case
            when {{ contract }}.late_policy = 'grace' then {{ contract }}.grace_hours * interval '1 hour'
            else {{ contract }}.close_delay_minutes * interval '1 minute'
        end
    )
{%- endmacro %}
