-- What keeps a month in the event store: store.begin_fold takes none out that has a row here. In the order in which it
-- is to be seen to.
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

select distinct content.month_start_at, 2, 'open_period', content.tenant_no, content.period_no, null::smallint, null
from {{ ref('int_month_contents') }} as content
inner join {{ source('store', 'periods') }} as period on content.period_no = period.period_no
where not {{ is_closed('period.tenant_no', 'period.period_no') }}

union all

-- Later use is proven from its readings.
select distinct content.month_start_at, 3, 'register', content.tenant_no, null::integer, content.metric_no, null
from {{ ref('int_month_contents') }} as content
where content.is_register

union all

select level.month_start_at, 4, 'standing_level', level.tenant_no, null, level.metric_no, null
from {{ ref('int_standing_levels') }} as level

union all

-- Nobody proposes it once the month has left. What was folded before is not reconciled any more.
select distinct
    content.month_start_at, 5, 'late_use', content.tenant_no, content.period_no, null::smallint, late.waits_for
from {{ ref('int_month_contents') }} as content
inner join {{ ref('int_undecided_late_use') }} as late
    on content.tenant_no = late.tenant_no and content.period_no = late.period_no
where not {{ is_folded('late') }}
