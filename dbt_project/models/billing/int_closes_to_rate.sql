-- Closes whose periods are rated again under the terms and bounds that they recorded: to verify, every version ever
-- closed; to reconcile, the newest of a period with late use that was rejected, unless events of it were folded: with
-- the late events alone nobody can count its use.
select
    closed.close_id,
    request.kind,
    closed.tenant_no,
    closed.period_no,
    closed.invoice_version,
    closed.config_load_id,
    closed.last_load_id,
    closed.recorded_at,
    closed.contract_id,
    closed.period_start_at,
    closed.period_end_at,
    closed.closed_at as boundary_at,
    closed.proration_numerator,
    closed.proration_denominator,
    closed.period_no as terms_period_no
from {{ ref('int_close_request') }} as request
cross join {{ source('store', 'period_closes') }} as closed
left join {{ ref('int_closed_versions') }} as versions
    on closed.tenant_no = versions.tenant_no and closed.period_no = versions.period_no
where
    request.kind = 'verify'
    or (
        request.kind = 'reconcile'
        and closed.invoice_version = versions.invoice_version
        and (closed.tenant_no, closed.period_no) in (
            select late.tenant_no, late.period_no from {{ ref('int_rejected_events') }} as late
        )
        and not {{ is_folded('closed') }}
    )

union all

-- The variants of a bridge from one invoice to the next: the terms and prices of the one before, of the other at last.
select
    pair.close_id,
    'explain' as kind,
    pair.tenant_no,
    pair.period_no,
    variant.variant_no as invoice_version,
    terms.config_load_id,
    terms.last_load_id,
    terms.recorded_at,
    terms.contract_id,
    terms.period_start_at,
    terms.period_end_at,
    terms.closed_at as boundary_at,
    days.proration_numerator,
    days.proration_denominator,
    terms.period_no as terms_period_no
from {{ ref('int_bridge_pairs') }} as pair
cross join {{ bridge_variants() }} as variant (variant_no)
inner join {{ source('store', 'period_closes') }} as terms
    on pair.tenant_no = terms.tenant_no
    and (terms.period_no, terms.invoice_version) = {{ bridged_close('pair', 'variant.variant_no', 'price') }}
inner join {{ source('store', 'period_closes') }} as days
    on pair.tenant_no = days.tenant_no
    and (days.period_no, days.invoice_version) = {{ bridged_close('pair', 'variant.variant_no', 'days') }}
