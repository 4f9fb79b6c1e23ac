"""What a person wants to know about a run at a glance; stored events are read once for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from orchestration import balances

BALANCE = f"""
select
    coalesce(sum(message_count), 0)::bigint, coalesce(sum(stored_count), 0)::bigint,
    coalesce(sum(duplicate_count), 0)::bigint, coalesce(sum(quarantined_count), 0)::bigint,
    coalesce(sum(late_not_billed_count), 0)::bigint
from {balances.OF_LOADS}
"""
REFUSED = """
select reason, count(*)
from metering.int_quarantined
where load_id = any(%s)
group by reason
order by count(*) desc, reason
"""
CLOCK_WORDS = {"d": "the device's own clock", "c": "corrected by the session's offset", "s": "the broker's clock"}
# Stored events, read once: how many are billed late and by which decision, by whose clock they are dated, and the line
# of each metric's use, by hours of one or two days, else by days: at most some sixty marks.
STORED = """
with stored as materialized (
    select
        metric_no, date_bin(interval '1 hour', event_at, timestamptz '2000-01-01 00:00:00+00') as hour_at,
        timestamp_source, is_billed, late_decision,
        count(*) as event_count, sum(quantity) as quantity, min(event_at) as first_at, max(event_at) as last_at
    from usage.int_stored_use
    where load_id = any(%(loads)s)
    group by 1, 2, 3, 4, 5
),

hours as (
    select
        metric_no, hour_at, sum(quantity) as quantity, min(first_at) as first_at, max(last_at) as last_at
    from stored
    where is_billed
    group by 1, 2
),

summed as (
    select metric.metric, hours.*
    from hours
    inner join registry.metrics as metric using (metric_no)
    inner join config.metrics as declared using (metric)
    where declared.valid_to_load is null and declared.aggregation = 'sum'
),

span as (
    select
        min(first_at) as first_at,
        max(last_at) as last_at,
        case when max(last_at) - min(first_at) > interval '60 hours' then interval '1 day' else interval '1 hour' end
            as step
    from summed
),

used as (
    select metric, date_bin(span.step, hour_at, timestamptz '2000-01-01 00:00:00+00') as bucket_at,
        sum(quantity) as quantity
    from summed
    cross join span
    group by 1, 2
),

lines as (
    select
        metrics.metric, array_agg(coalesce(used.quantity, 0) order by steps.bucket_at) as quantities
    from span
    cross join generate_series(
        date_bin(span.step, span.first_at, timestamptz '2000-01-01 00:00:00+00'), span.last_at, span.step
    ) as steps (bucket_at)
    cross join (select distinct metric from used) as metrics
    left join used on metrics.metric = used.metric and steps.bucket_at = used.bucket_at
    group by metrics.metric
)

select 'late' as kind, late_decision as name, sum(event_count)::bigint as event_count, null::numeric[] as quantities
from stored
where is_billed and late_decision is not null
group by late_decision
union all
select 'clock', timestamp_source::text, sum(event_count)::bigint, null
from stored
group by timestamp_source
union all
select 'use', metric, null, quantities
from lines
order by kind, event_count desc, name
"""
REVENUE = """
select invoice.currency_code, sum(invoice.total_amount), count(*)
from store.period_closes as closed
inner join store.invoices as invoice using (tenant_no, period_no, invoice_version)
where
    closed.period_no in (select period_no from store.periods where last_local_month = %s)
    and not exists (
        select 1 from store.period_closes as newer
        where
            newer.tenant_no = closed.tenant_no
            and newer.period_no = closed.period_no
            and newer.invoice_version > closed.invoice_version
    )
    and store.invoice_status(closed.tenant_no, closed.period_no, closed.invoice_version) <> 'void'
group by invoice.currency_code
order by invoice.currency_code
"""
# The planner takes new loads for a few rows, and would look up the device of each. From some share of all devices on
# it is faster to read what is known of all. What has no other join then seems so dear that a server which compiles
# plans would.
READ_WHOLE = """
select set_config(setting, 'off', true)
from pg_class
cross join unnest(array['enable_nestloop', 'jit']) as setting
where oid = 'store.series'::regclass and %s > greatest(1000, reltuples / 20)
"""
MARKS = "▁▂▃▄▅▆▇█"
LONGEST_LINE = 90


@dataclass(frozen=True)
class Metered:
    """What became of the messages of some loads, by whose clock events are dated, and their use over time."""

    messages: int
    stored: int
    duplicates: int
    quarantined: int
    late_not_billed: int
    billed_late: list[tuple[str, int]]
    refused: list[tuple[str, int]]
    clocks: list[tuple[str, int]]
    use: list[tuple[str, str]]

    @property
    def duplicate_rate(self) -> float:
        """Share of duplicates among the messages."""
        return self.duplicates / self.messages if self.messages else 0.0


def metered(session: psycopg.Connection, load_ids: Sequence[int]) -> Metered:
    """What became of these loads."""
    loads = list(load_ids)
    balance = session.execute(BALANCE.encode(), {"loads": loads}).fetchone()
    assert balance is not None
    messages, stored, duplicates, quarantined, late_not_billed = balance
    refused = session.execute(REFUSED, (loads,)).fetchall() if quarantined else []
    session.execute(READ_WHOLE, (messages,))
    told = session.execute(STORED, {"loads": loads}).fetchall()
    session.execute("set local enable_nestloop to default; set local jit to default")
    billed_late = sorted((name, count) for kind, name, count, _ in told if kind == "late")
    clocks = [(CLOCK_WORDS[name], count) for kind, name, count, _ in told if kind == "clock"]
    use = [(name, sparkline(quantities)) for kind, name, _, quantities in told if kind == "use"]
    return Metered(messages, stored, duplicates, quarantined, late_not_billed, billed_late, refused, clocks, use)


def revenue(session: psycopg.Connection, month: Any) -> list[tuple[str, Decimal, int]]:
    """Currency, sum and number of the latest invoices of the periods that end in the local month."""
    return session.execute(REVENUE, (month,)).fetchall()


def sparkline(quantities: Sequence[Decimal]) -> str:
    """A line of marks, the least quantity lowest, the greatest highest; a longer series shows its end."""
    shown = [float(quantity) for quantity in quantities[-LONGEST_LINE:]]
    if not shown:
        return ""
    least, greatest = min(shown), max(shown)
    if least == greatest:
        return MARKS[0] * len(shown)
    return "".join(MARKS[round((value - least) / (greatest - least) * (len(MARKS) - 1))] for value in shown)
