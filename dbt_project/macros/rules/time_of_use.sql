{# Time of use: which part of a schedule an instant lies in, by the local clock (DECISIONS.md says how). #}

{# Minutes since midnight of `HH:MM`, up to 1440. #}
{% macro minute_of_day(time) -%}
    split_part({{ time }}, ':', 1)::integer * 60 + split_part({{ time }}, ':', 2)::integer
{%- endmacro %}

{# Whether a day of the year lies in a season, both ends included; one that ends before it begins goes over New Year. #}
{% macro is_in_season(row, local_date) -%}
    case
        when {{ row }}.season_start <= {{ row }}.season_end
            then to_char({{ local_date }}, 'MM-DD') between {{ row }}.season_start and {{ row }}.season_end
        else
            to_char({{ local_date }}, 'MM-DD') >= {{ row }}.season_start
            or to_char({{ local_date }}, 'MM-DD') <= {{ row }}.season_end
    end
{%- endmacro %}

{# A holiday is no `weekday`, on whatever day of the week it falls; numbers do not ask for holidays. #}
{% macro is_kind_of_day(row, local_date, is_holiday) -%}
    (
        'all' = any({{ row }}.days)
        or extract(isodow from {{ local_date }})::text = any({{ row }}.days)
        or ('weekday' = any({{ row }}.days) and extract(isodow from {{ local_date }}) < 6 and not {{ is_holiday }})
        or ('weekend' = any({{ row }}.days) and extract(isodow from {{ local_date }}) > 5)
        or ('holiday' = any({{ row }}.days) and {{ is_holiday }})
    )
{%- endmacro %}
