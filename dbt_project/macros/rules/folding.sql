{#
    Whether an arrival repeats an event of a folded month: its number lies in a range of the ledger, and its measurement
    time in the stretch for which that number is taken. Looked up by key (hence the offset): the ledger grows for ever.
#}
{% macro is_seen(arrival) -%}
    exists (
        select 1
        from {{ source('store', 'seen_sequences') }} as seen
        where
            seen.tenant_no = {{ arrival }}.tenant_no
            and seen.device_no = {{ arrival }}.device_no
            and seen.metric_no = {{ arrival }}.metric_no
            and seen.seq_epoch = {{ arrival }}.seq_epoch
            and {{ arrival }}.msg_seq between seen.first_seq and seen.last_seq
            and {{ arrival }}.device_ts between seen.first_device_ts and seen.last_device_ts
        offset 0
    )
{%- endmacro %}

{#
    What a folded period takes no more: a metric whose buckets are counted again from their events would be counted from
    what came since alone. Sums and counts go on growing by what comes.
#}
{% macro is_settled(metric, period) -%}
    ({{ needs_all_events(metric) }} and {{ is_folded(period) }})
{%- endmacro %}

{# Whether some of a period's events were folded: its use stands, but is no sum over the store any more. #}
{% macro is_folded(period) -%}
    exists (
        select 1
        from {{ source('store', 'folded_periods') }} as folded
        where folded.tenant_no = {{ period }}.tenant_no and folded.period_no = {{ period }}.period_no
    )
{%- endmacro %}

{# The month that is being folded, or that was folded last: one row of store.folds. #}
{% macro month_that_leaves() -%}
    select fold_no, month_start_at, month_end_at
    from {{ source('store', 'folds') }}
    order by fold_no desc
    limit 1
{%- endmacro %}

{#
    Whether an event lies in that month. The bounds are asked for one by one: joined to them, all months would be made into
    events before the one is taken.
#}
{% macro is_in_month_that_leaves(stored_device_ts) -%}
    ({{ stored_device_ts }} >= (select fold.month_start_at from ({{ month_that_leaves() }}) as fold)
        and {{ stored_device_ts }} < (select fold.month_end_at from ({{ month_that_leaves() }}) as fold))
{%- endmacro %}
