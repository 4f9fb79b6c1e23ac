{#
    Estimates of registers (RULES 10): which readings end a silence, and what was used until the next one. A reading that
    is set aside as a jump has not moved the mark: the silence goes on until the register is believed again.
#}
{% macro is_counted(is_in_chain, flag) -%} ({{ is_in_chain }} and {{ flag }} is distinct from 'jump') {%- endmacro %}

{# The counted reading of a register that is nearest to a period's border, by key. #}
{% macro nearest_reading(register, condition, direction) -%}
    (
        select known.event_at, known.flag
        from {{ source('store', 'register_uses') }} as known
        where
            known.tenant_no = {{ register }}.tenant_no
            and known.device_no = {{ register }}.device_no
            and known.metric_no = {{ register }}.metric_no
            and {{ is_counted('known.is_in_chain', 'known.flag') }}
            and {{ condition }}
        order by known.event_at {{ direction }}, known.seq_epoch {{ direction }}, known.msg_seq {{ direction }}
        limit 1
    )
{%- endmacro %}

{# What is billed as estimated of a stretch: the rate of use until its last reading, times the time until its end. #}
{% macro at_the_rate_before(silence) -%}
    round(
        {{ silence }}.learnt_quantity * extract(epoch from {{ silence }}.estimated_until_at - {{ silence }}.bucket_start_at)
        / {{ silence }}.learnt_seconds,
        10
    )
{%- endmacro %}

{# Whether a later period bills a reading of an estimated hour, and therefore credits the estimate. #}
{% macro is_taken_back(estimate) -%}
    exists (
        select 1 from {{ ref('int_standing_estimates') }} as credited
        where
            credited.tenant_no = {{ estimate }}.tenant_no
            and credited.device_no = {{ estimate }}.device_no
            and credited.metric_no = {{ estimate }}.metric_no
            and credited.bucket_start_at = {{ estimate }}.bucket_start_at
            and credited.period_no <> {{ estimate }}.period_no
            and credited.method = 'true_up'
    )
{%- endmacro %}
