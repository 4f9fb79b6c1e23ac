"""Tells people which thresholds use has passed: every event, until its alert could be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg.rows import args_row

from orchestration import alerts
from orchestration.observability.lines import with_fields

# So many events are told one by one; more of them at once are a number.
ONE_BY_ONE = 20
UNTOLD = """
select event.threshold_event_no, event.tenant_id, event.period_id, coalesce(event.device_id, ''), event.metric,
    event.kind, event.name, event.threshold_quantity, event.quantity
from finance.threshold_events as event
where not exists (
    select from store.threshold_notices as told where told.threshold_event_no = event.threshold_event_no
)
order by event.threshold_event_no
"""
NOTE = "insert into store.threshold_notices (threshold_event_no) select unnest(%s::bigint[]) on conflict do nothing"


@dataclass(frozen=True)
class Passed:
    """A row of finance.threshold_events; quantities in the unit of the metric."""

    number: int
    tenant_id: str
    period_id: str
    device_id: str
    metric: str
    kind: str
    name: str
    threshold: Decimal
    quantity: Decimal

    def alert(self) -> alerts.Alert:
        """It in words."""
        who, what = f"{self.tenant_id} {self.device_id}".strip(), f"{self.kind} {self.name}".strip()
        return alerts.Alert(
            f"{who} passed {what} of {self.threshold.normalize():f} {self.metric}",
            f"{self.quantity.normalize():f} were used in {self.period_id}",
        )


def tell(session: psycopg.Connection) -> int:
    """Alert the events that nobody was told of; returns how many could be.

    One whose alert could not be delivered is told by the next call, and so is one that was delivered by a process that
    died before it could note that: at least once.
    """
    with session.cursor(row_factory=args_row(Passed)) as cursor:
        untold = cursor.execute(UNTOLD).fetchall()
    told = [passed.number for passed in untold[:ONE_BY_ONE] if _is_told(passed)]
    rest = [passed.number for passed in untold[ONE_BY_ONE:]]
    if rest:
        summary = f"{len(rest):,} more thresholds were passed"
        if not alerts.send(alerts.Alert(summary, "all of them are in finance.threshold_events")):
            told += rest
    session.execute(NOTE, (told,))
    return len(told)


def _is_told(passed: Passed) -> bool:
    with with_fields(tenant=passed.tenant_id):
        return not alerts.send(passed.alert())
