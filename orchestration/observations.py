"""What a run should tell people although nothing is held: faults of devices, gateways and meters, not of loads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

# A gateway that repeats itself for a day is one fault: the worst hour of each tenant and day stands for the others.
DUPLICATES = """
select tenant_id, received_date, hour_start_at, message_count, duplicate_count, duplicate_ratio, usual_ratio,
    least_usual_ratio, greatest_usual_ratio,
    count(*) over (partition by tenant_id, received_date) as hour_count
from governance.duplicate_alerts
where received_date = any(%s)
order by abs(duplicate_ratio - usual_ratio) desc, tenant_id, hour_start_at
"""
# Receipts may lie a day beside the day of their file.
RECEIVED = """
select array_agg(distinct received_date + step.days)
from ledger.loads
cross join (values (-1), (0), (1)) as step (days)
where load_id = any(%s)
"""
CLOSED = """
select array_agg(distinct invoice.period_id), min(invoice.period_start_at), max(invoice.period_end_at)
from finance.invoices as invoice
inner join finance.period_closes as closed using (period_id, invoice_version)
where closed.close_id = %s
"""
PROPERTIES = """
select
    property_id, metric, period_id, count(*) as day_count,
    count(*) filter (where is_within_tolerance is not true) as day_outside_count,
    sum(master_quantity) as master_quantity, sum(sub_quantity) as sub_quantity,
    max(tolerance_percent) as tolerance_percent,
    sum(missing_device_count) as missing_count
from finance.property_reconciliations
where period_id = any(%s) and day_start_at >= %s and day_start_at < %s
group by property_id, metric, period_id
having count(*) filter (where is_within_tolerance is not true) > 0
order by property_id, metric, period_id
"""


@dataclass(frozen=True)
class Observation:
    """A fault in one line, and the row that shows it."""

    subject: str
    text: str
    row: dict[str, Any]


def unusual_duplicates(session: psycopg.Connection, load_ids: Sequence[int]) -> list[Observation]:
    """Tenants whose share of duplicates left its usual band on a day of these loads, each by its worst hour."""
    received = session.execute(RECEIVED, (list(load_ids),)).fetchone()
    worst: dict[tuple[str, Any], Observation] = {}
    with session.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(DUPLICATES, (received[0] if received and received[0] else [],)):
            text = (
                f"{row['tenant_id']} received {row['duplicate_ratio']:.1%} duplicates in the hour from "
                f"{row['hour_start_at']:%Y-%m-%d %H:%M} UTC ({row['duplicate_count']} of {row['message_count']}); "
                f"usual is {row['least_usual_ratio']:.1%} to {row['greatest_usual_ratio']:.1%}. "
                f"{row['hour_count']} hour(s) of the day are unusual. Look at the tenant's gateways."
            )
            worst.setdefault((row["tenant_id"], row["received_date"]), Observation(row["tenant_id"], text, row))
    return list(worst.values())


def unreconciled_properties(session: psycopg.Connection, close_id: int) -> list[Observation]:
    """Properties with days of the periods that this close made on which master and sub-meters disagree."""
    bounds = session.execute(CLOSED, (close_id,)).fetchone()
    if bounds is None or bounds[0] is None:
        return []
    with session.cursor(row_factory=dict_row) as cursor:
        return [_property(row) for row in cursor.execute(PROPERTIES, bounds)]


def _property(row: dict[str, Any]) -> Observation:
    text = (
        f"property {row['property_id']}, {row['metric']}, period {row['period_id']}: on {row['day_outside_count']} of "
        f"{row['day_count']} days the sub-meters are not within {row['tolerance_percent']} % of the master meter "
        f"(master {_shown(row['master_quantity'])}, sub-meters {_shown(row['sub_quantity'])}, "
        f"{row['missing_count']} readings of a day missing). See finance.property_reconciliations."
    )
    return Observation(row["property_id"], text, row)


def _shown(quantity: Any) -> str:
    return "silent" if quantity is None else f"{quantity.normalize():f}"
