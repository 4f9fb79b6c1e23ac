{#
    Whether a rule that a release changed is in force for a period: one that was closed before the change goes on by the
    reading by which it was closed, in later versions and proofs too, so that what is closed stays as billed.
#}
{% macro is_in_force_since_change(rule, period) -%}
    exists (
        select 1 from {{ source('store', 'rule_changes') }} as change
        where change.rule = '{{ rule }}' and change.since < {{ period }}.decided_before
    )
{%- endmacro %}
