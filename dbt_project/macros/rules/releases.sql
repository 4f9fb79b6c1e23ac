{# A refusal stands until a release has brought the row again, through metering and to its end; then that one speaks. #}
{% macro is_still_refused(refusal) -%}
    not exists (
        select 1
        from {{ ref('int_released_rows') }} as released
        where released.load_id = {{ refusal }}.load_id and released.row_number = {{ refusal }}.row_number
    )
{%- endmacro %}
