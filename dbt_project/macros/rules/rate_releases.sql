{#
    Whether a version of a card is in force for a period by what persons decided: a version that is `dated` for all, one
    that is `staged` for those for whom it was promoted, none that was rolled back. A period goes by the decisions that
    were made before its first close, so that what is closed stays as billed.
#}
{% macro is_released(card, period) -%}
    coalesce(
        (
            select made.decision = 'promoted'
            from {{ source('store', 'rate_decisions') }} as made
            where
                made.rate_card_id = {{ card }}.rate_card_id
                and made.rate_card_version = {{ card }}.rate_card_version
                and made.decision <> 'staged'
                and (made.cohort is null or made.cohort = {{ period }}.cohort)
                and made.decided_at < {{ period }}.decided_before
            order by made.decision_no desc
            limit 1
        ),
        {{ card }}.release is distinct from 'staged'
    )
{%- endmacro %}

{#
    A version prices if it comes into force before the period is over. A simulation names the version that prices a
    variant, or leaves its candidate out of what is in force.
#}
{% macro may_price(card, period) -%}
    case
        when {{ period }}.priced_by_version is not null
            then {{ card }}.rate_card_version = {{ period }}.priced_by_version
        else
            {{ last_date(period) }} >= {{ card }}.effective_from_date
            and {{ card }}.rate_card_version is distinct from {{ period }}.left_out_version
            and {{ is_released(card, period) }}
    end
{%- endmacro %}
