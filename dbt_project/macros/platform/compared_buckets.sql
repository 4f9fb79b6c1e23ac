{# Buckets of `expected` and `actual` that differ in anything; a bucket that lost all its events counts as absent,
    and of a folded period the events are not here any more. #}
{% macro compared_buckets(expected, actual) -%}
    select compared.*
    from (
        select
            tenant_no, device_no, metric_no, period_no, bucket_start_at,
            expected.quantity as expected_quantity, actual.quantity as actual_quantity,
            expected.event_count as expected_count, actual.event_count as actual_count
        from {{ expected }} as expected
        full join (
            select * from {{ actual }} where event_count > 0
        ) as actual using (tenant_no, device_no, metric_no, period_no, bucket_start_at)
        where
            row(
                expected.quantity, expected.event_count, expected.skew_candidate_count,
                expected.first_event_at, expected.last_event_at
            ) is distinct from row(
                actual.quantity, actual.event_count, actual.skew_candidate_count,
                actual.first_event_at, actual.last_event_at
            )
    ) as compared
    where not {{ is_folded('compared') }}
{%- endmacro %}
