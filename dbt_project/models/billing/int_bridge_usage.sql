-- What each device used in each variant of the bridge: first without the devices that are gone, then with the new ones,
-- then the measured use of the others scaled to its new total, then as it is, then with what is estimated.
with before as (
    select pair.tenant_no, pair.period_no, usage.device_no, usage.metric_no, usage.quantity, usage.estimated_quantity,
        usage.event_count, usage.quality_flags
    from {{ ref('int_bridge_pairs') }} as pair
    inner join {{ source('store', 'closed_usage') }} as usage
        on pair.tenant_no = usage.tenant_no
        and pair.previous_period_no = usage.period_no
        and pair.previous_invoice_version = usage.invoice_version
),

later as (
    select tenant_no, period_no, usage.device_no, usage.metric_no, usage.quantity, usage.estimated_quantity,
        usage.event_count, usage.quality_flags
    from {{ ref('int_bridge_pairs') }}
    inner join {{ source('store', 'closed_usage') }} as usage using (tenant_no, period_no, invoice_version)
),

sides as (
    select
        tenant_no, period_no, device_no, metric_no,
        before.device_no is not null as is_before, later.device_no is not null as is_later,
        before.quantity - before.estimated_quantity as old_measured, before.estimated_quantity as old_estimated,
        before.event_count as old_count, before.quality_flags as old_flags,
        later.quantity - later.estimated_quantity as new_measured, later.estimated_quantity as new_estimated,
        later.event_count as new_count, later.quality_flags as new_flags
    from before
    full join later using (tenant_no, period_no, device_no, metric_no)
),

scaled as (
    select
        *,
        coalesce({{ scaled_part('running', 'old_measured', 'old_total', 'new_total') }}, new_measured)
            as scaled_measured
    from (
        select
            *,
            sum(old_measured) over so_far as running,
            sum(old_measured) over series as old_total,
            sum(new_measured) over series as new_total
        from sides
        window
            series as (partition by tenant_no, period_no, metric_no, is_before and is_later),
            so_far as (series order by device_no)
    ) as summed
),

variants as (
    select
        scaled.*, variant.variant_no,
        not is_before as is_all_new,
        case
            when {{ is_swapped('variant.variant_no', 'mix') }} then new_measured
            when {{ is_swapped('variant.variant_no', 'volume') }} then scaled_measured
            else old_measured
        end as measured,
        case when {{ is_swapped('variant.variant_no', 'estimated') }} then new_estimated else old_estimated end
            as estimated,
        {{ is_swapped('variant.variant_no', 'mix') }} as has_new_count
    from scaled
    cross join {{ bridge_variants() }} as variant (variant_no)
    where
        case
            when is_before and is_later then true
            when is_before then not {{ is_swapped('variant.variant_no', 'removed_devices') }}
            else {{ is_swapped('variant.variant_no', 'new_devices') }}
        end
)

select
    tenant_no, period_no, variant_no as invoice_version, device_no, metric_no,
    (case when is_all_new then new_measured + new_estimated else measured + estimated end)::numeric(30, 10) as quantity,
    case when is_all_new or has_new_count then new_count else old_count end as event_count,
    (case when is_all_new then new_estimated else estimated end)::numeric(30, 10) as estimated_quantity,
    case when is_all_new or has_new_count then new_flags else old_flags end as quality_flags
from variants
