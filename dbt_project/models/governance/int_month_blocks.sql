-- What keeps a month in the event store: store.begin_fold takes none out that has a row here. In the order in which it
-- is to be seen to. The events of a month are read once for all that is asked of them.
with open_periods as (
    select period.period_no
    from {{ source('store', 'periods') }} as period
    where not {{ is_closed('period.tenant_no', 'period.period_no') }}
),

-- Nobody proposes it once the month has left. What was folded before is not reconciled any more.
undecided as (
    select late.tenant_no, late.period_no, late.waits_for
    from {{ ref('int_undecided_late_use') }} as late
    where not {{ is_folded('late') }}
)

select
    month.month_start_at,
    1 as precedence,
    'waiting_load' as kind,
    null::integer as tenant_no,
    null::integer as period_no,
    null::smallint as metric_no,
    null as waits_for
from {{ source('store', 'months') }} as month
-- They may know of events of any month.
inner join {{ source('ledger', 'loads') }} as loads on loads.status in ('landed', 'accepted', 'claimed')

union all

select distinct
    content.month_start_at,
    block.precedence,
    block.kind,
    content.tenant_no,
    block.period_no,
    block.metric_no,
    block.waits_for
from {{ ref('int_month_contents') }} as content
left join open_periods on content.period_no = open_periods.period_no
left join undecided on content.tenant_no = undecided.tenant_no and content.period_no = undecided.period_no
cross join lateral (
    values
    (2, 'open_period', open_periods.period_no, null::smallint, null, open_periods.period_no is not null),
    -- Later use is proven from its readings.
    (3, 'register', null, content.metric_no, null, content.is_register),
    (5, 'late_use', undecided.period_no, null, undecided.waits_for, undecided.period_no is not null)
) as block (precedence, kind, period_no, metric_no, waits_for, is_so)
where block.is_so

union all

select level.month_start_at, 4, 'standing_level', level.tenant_no, null, level.metric_no, null
from {{ ref('int_standing_levels') }} as level
