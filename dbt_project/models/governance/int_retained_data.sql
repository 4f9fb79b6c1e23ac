-- How long what is kept, by the contract that keeps it longest, and whether that is over as of what was received. What
-- keeps events in the store is said of their month.
select
    kept.*,
    said.retention_class,
    term.kept_until_at,
    {{ is_on_hold('kept') }} as is_on_hold,
    term.is_over
    and not {{ is_on_hold('kept') }}
    and not (kept.kind = 'deliveries' and {{ has_open_period('kept') }}) as is_due,
    case when term.is_over then nullif(
        concat_ws(
            '; ',
            (
                select string_agg(
                    format('legal hold %s of %s (%s)', hold.hold_no, hold.placed_by, hold.reason), '; '
                    order by hold.hold_no
                )
                {{ holds_of('kept') }}
            ),
            case when kept.kind = 'deliveries' then (
                select {{ counted_with_example('waiting', 'open period') }}
                from (
                    select
                        count(*) as block_count,
                        count(distinct period.tenant_no) as tenant_count,
                        min(period.period_id collate "C") as example
                    {{ open_periods_of('kept') }}
                ) as waiting
                where waiting.block_count > 0
            ) end
        ), ''
    ) end as blocked_by
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
cross join lateral (
    select
        kept.kept_from + make_interval(days => said.days) as kept_until_at,
        kept.kind <> 'events'
        and coalesce(kept.kept_from + make_interval(days => said.days) <= watermark.received_until_at, false) as is_over
) as term
