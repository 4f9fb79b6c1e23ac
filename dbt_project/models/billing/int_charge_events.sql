{{ config(
    materialized='scratch',
    tags=['close'],
    pre_hook=joins_over_events(),
    only_when="exists (select 1 from billing.int_period_prices where measured_by in ('events', 'attributes') or charge_basis = 'distinct_values')"
) }}

-- Billed events of the few charges that price each event by itself or by what it carries: to close as they stand, to
-- verify as the close found them, to reconcile with the late ones that were rejected. Others never look at an event.
with asked as (
    select distinct
        period.*, registered.metric_no
    from {{ ref('int_period_prices') }} as price
    inner join {{ ref('int_periods_to_rate') }} as period using (tenant_no, period_no, invoice_version)
    inner join {{ source('registry', 'metrics') }} as registered on price.metric = registered.metric
    where price.measured_by in ('events', 'attributes') or price.charge_basis = 'distinct_values'
),

events as (
    select
        {{ identity('event') }}, event.period_no, asked.invoice_version, event.event_at, event.quantity, event.traits_no
    from asked
    inner join {{ ref('int_metered_events') }} as event
        on asked.tenant_no = event.tenant_no
        and asked.period_no = event.period_no
        and asked.metric_no = event.metric_no
    where {{ reads_current('asked.kind') }}

    union all

    select
        {{ identity('event') }}, event.closed_period_no, event.invoice_version, event.event_at, event.quantity,
        event.traits_no
    from (
        {{ events_as_of_close(
            'closed.period_no = states.period_no and closed.metric_no = states.metric_no',
            "(select * from asked where kind in ('verify', 'reconcile')) as again"
        ) }}
    ) as event

    union all

    select
        {{ identity('late') }}, late.period_no, asked.invoice_version, late.event_at, late.quantity, 0
    from asked
    inner join {{ ref('int_rejected_events') }} as late using (tenant_no, period_no, metric_no)
    where asked.kind = 'reconcile'
)

select
    events.*,
    row_number() over (
        partition by tenant_no, period_no, invoice_version, metric_no
        order by event_at, device_no, seq_epoch, msg_seq
    ) as event_number
from events
