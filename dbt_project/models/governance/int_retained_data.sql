-- How long what is kept, by the contract that keeps it longest, and whether that is over as of what was received.
select
    kept.*,
    said.retention_class,
    kept.kept_from + make_interval(days => said.days) as kept_until_at,
    {{ is_on_hold('kept') }} as is_on_hold,
    coalesce(kept.kept_from + make_interval(days => said.days) <= watermark.received_until_at, false)
    and kept.kind <> 'events'
    and not {{ is_on_hold('kept') }}
    and not (kept.kind = 'deliveries' and {{ has_open_period('kept') }}) as is_due
from {{ ref('int_retained_parts') }} as kept
cross join lateral (
    select
        coalesce(
            (array_agg(contract.retention_class order by {{ days_kept('contract', 'kept.kind') }} desc nulls first))[1],
            'everything'
        ) as retention_class,
        case when bool_and({{ days_kept('contract', 'kept.kind') }} is not null)
            then max({{ days_kept('contract', 'kept.kind') }}) end as days
    from {{ ref('int_contract_retention') }} as contract
    where {{ says_how_long('contract', 'kept') }}
) as said
left join {{ ref('int_tenant_watermarks') }} as watermark on kept.tenant_no = watermark.tenant_no
