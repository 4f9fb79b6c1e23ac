{# Aggregations whose buckets grow by adding what came; the others are computed again from the bucket's events. #}
{% macro is_additive(aggregation) -%} {{ aggregation }} in ('sum', 'count') {%- endmacro %}

{# Whether what comes cannot be added to a bucket of the metric, but needs what came before. #}
{% macro needs_all_events(metric) -%}
    (not {{ is_additive(metric ~ '.aggregation') }} or {{ is_register(metric) }} is true)
{%- endmacro %}

{# Hours are UTC (RULES 30). #}
{% macro hour_of(instant) -%}
    date_bin(interval '1 hour', {{ instant }}, timestamptz '2000-01-01 00:00:00+00')
{%- endmacro %}

{# Where a UTC day starts; of many instants, it takes half the time of their dates (`utc_day`). #}
{% macro day_of(instant) -%}
    date_bin(interval '1 day', {{ instant }}, timestamptz '2000-01-01 00:00:00+00')
{%- endmacro %}

{% macro minute_of(instant) -%}
    date_bin(interval '1 minute', {{ instant }}, timestamptz '2000-01-01 00:00:00+00')
{%- endmacro %}

{# Use by minute of events of metrics that are no registers; `events` is a relation like int_metered_events. #}
{% macro minute_totals(events) -%}
    select
        event.tenant_no,
        event.device_no,
        event.metric_no,
        event.period_no,
        {{ minute_of('event.event_at') }} as bucket_start_at,
        {{ minute_of('event.event_at') }} + interval '1 minute' as bucket_end_at,
        {{ aggregate_events('metric.aggregation', 'event') }} as quantity,
        count(*) as event_count,
        max(event.event_at) as last_event_at
    from {{ events }} as event
    inner join {{ ref('stg_config__metrics') }} as metric
        on event.metric_no = metric.metric_no and metric.valid_to_load is null
    where {{ is_register('metric') }} is not true
    group by event.tenant_no, event.device_no, event.metric_no, event.period_no, bucket_start_at, metric.aggregation
{%- endmacro %}

{# One number from the events of a bucket, by the metric's aggregation. `event` is the alias of the events. #}
{% macro aggregate_events(aggregation, event) -%}
    case
        when {{ aggregation }} = 'sum' then sum({{ event }}.quantity)
        when {{ aggregation }} = 'count' then count(*)
        when {{ aggregation }} = 'max' then max({{ event }}.quantity)
        when {{ aggregation }} = 'min' then min({{ event }}.quantity)
        when {{ aggregation }} = 'latest' then (array_agg(
            {{ event }}.quantity order by
                {{ event }}.event_at desc, {{ event }}.seq_epoch desc, {{ run_number(event) }} desc,
                {{ event }}.msg_seq desc
        ) filter (where {{ aggregation }} = 'latest'))[1]
    end
{%- endmacro %}

{#
    Buckets that only gained events of an additive metric, as amounts to add. Loads that carry this sum's mark were
    added before; the mark is written in the transaction that adds.
#}
{% macro added_usage(changes, sum) -%}
    select
        change.tenant_no,
        change.device_no,
        change.metric_no,
        change.period_no,
        change.bucket_start_at,
        sum(case when metric.aggregation = 'count' then 1 else change.quantity end) as quantity,
        count(*) as event_count,
        count(*) filter (where change.is_skew_candidate) as skew_candidate_count,
        min(change.event_at) as first_event_at,
        max(change.event_at) as last_event_at,
        0 as estimated_quantity
    from {{ changes }} as change
    inner join {{ ref('stg_config__metrics') }} as metric
        on change.metric_no = metric.metric_no and metric.valid_to_load is null
    where
        {{ is_additive('metric.aggregation') }}
        and {{ is_register('metric') }} is not true
        and change.cause_load_id not in (
            {{ marked_loads(sum) }}
        )
    group by change.tenant_no, change.device_no, change.metric_no, change.period_no, change.bucket_start_at
    having min(change.sign) > 0
{%- endmacro %}

{# A bucket that became empty has a row without events, whose instants say nothing. #}
{% macro add_usage() -%}
    (tenant_no, device_no, metric_no, bucket_start_at, period_no) do update set
    quantity = kept.quantity + excluded.quantity,
    event_count = kept.event_count + excluded.event_count,
    skew_candidate_count = kept.skew_candidate_count + excluded.skew_candidate_count,
    first_event_at = least(
        case when kept.event_count > 0 then kept.first_event_at end, excluded.first_event_at
    ),
    last_event_at = greatest(
        case when kept.event_count > 0 then kept.last_event_at end, excluded.last_event_at
    )
{%- endmacro %}

{% macro mark_loads(sum) -%}
    insert into {{ source('ledger', 'marks') }} (load_id, model, lane, lane_starts)
    select load_id, '{{ sum }}', {{ lane() }}, {{ as_array(lane_starts()) }} from {{ ref('stg_loads') }}
    on conflict do nothing
{%- endmacro %}

{# Loads whose messages, those of this lane's tenants, were added to that sum. #}
{% macro marked_loads(sum) -%}
    select load_id from {{ source('ledger', 'marks') }} where model = '{{ sum }}' and lane = {{ lane() }}
{%- endmacro %}

{#
    Buckets that lost an event, or whose aggregation does not add up, from all their events as they now stand. Each
    touched device and metric is read once, by key. A bucket that became empty stays as a row without events. Those of a
    folded period stay as they are: not all their events are here.
#}
{% macro recomputed_usage(changes) -%}
    with touched as (
        select
            change.tenant_no, change.device_no, change.metric_no, change.period_no,
            change.bucket_start_at, change.bucket_end_at, metric.aggregation
        from {{ changes }} as change
        inner join {{ ref('stg_config__metrics') }} as metric
            on change.metric_no = metric.metric_no and metric.valid_to_load is null
        where
            (change.sign < 0 or not {{ is_additive('metric.aggregation') }})
            and {{ is_register('metric') }} is not true
            and not {{ is_folded('change') }}
        group by 1, 2, 3, 4, 5, 6, 7
    ),

    -- The buckets of a device and metric side by side: joined with events as rows, their number, which the planner cannot
    -- estimate, would multiply with that of all other devices' events.
    series as (
        select
            tenant_no, device_no, metric_no, aggregation,
            min(bucket_start_at) as first_start_at,
            max(bucket_end_at) as last_end_at,
            array_agg(period_no) as period_nos,
            array_agg(bucket_start_at) as bucket_starts_at,
            array_agg(bucket_end_at) as bucket_ends_at
        from touched
        group by tenant_no, device_no, metric_no, aggregation
    )

    select
        series.tenant_no,
        series.device_no,
        series.metric_no,
        rebuilt.*,
        0 as estimated_quantity
    from series
    cross join lateral (
        select
            bucket.period_no,
            bucket.bucket_start_at,
            coalesce(case when count(event.event_at) > 0
                then {{ aggregate_events('series.aggregation', 'event') }} end, 0) as quantity,
            count(event.event_at) as event_count,
            count(*) filter (where event.is_skew_candidate) as skew_candidate_count,
            coalesce(min(event.event_at), bucket.bucket_start_at) as first_event_at,
            coalesce(max(event.event_at), bucket.bucket_start_at) as last_event_at
        from {{ buckets_of_series() }}
        left join (
            select * from {{ ref('int_metered_events') }} as known
            where
                known.tenant_no = series.tenant_no
                and known.device_no = series.device_no
                and known.metric_no = series.metric_no
                and known.event_at >= series.first_start_at
                and known.event_at < series.last_end_at
            offset 0
        ) as event
            on bucket.period_no = event.period_no
            and event.event_at >= bucket.bucket_start_at
            and event.event_at < bucket.bucket_end_at
        group by series.tenant_no, bucket.period_no, bucket.bucket_start_at
    ) as rebuilt
{%- endmacro %}

{# A subquery: from a list of arrays a distributed query takes no columns. #}
{% macro buckets_of_series() -%}
    (
        select touched.period_no, touched.bucket_start_at, touched.bucket_end_at
        from unnest(series.period_nos, series.bucket_starts_at, series.bucket_ends_at)
            as touched (period_no, bucket_start_at, bucket_end_at)
    ) as bucket
{%- endmacro %}

{% macro replace_usage() -%}
    (tenant_no, device_no, metric_no, bucket_start_at, period_no) do update set
    quantity = excluded.quantity,
    event_count = excluded.event_count,
    skew_candidate_count = excluded.skew_candidate_count,
    first_event_at = excluded.first_event_at,
    last_event_at = excluded.last_event_at
{%- endmacro %}

{#
    Buckets of open periods that a changed configuration concerns go before they are counted again: their period or their
    local day may not be cut so any more. In the transaction that counts, so that nobody sees them missing.
#}
{% macro forget_reviewed_usage(table) -%}
    delete from {{ source('store', table) }} as bucket
    using {{ ref('int_reviewed_series') }} as series
    where
        bucket.tenant_no = series.tenant_no
        and bucket.device_no = series.device_no
        and bucket.metric_no = series.metric_no
        and not {{ is_closed('bucket.tenant_no', 'bucket.period_no') }}
{%- endmacro %}
