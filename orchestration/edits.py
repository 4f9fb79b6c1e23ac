"""Edits: the right number of a stored event, as the recorded decision of a named person.

The event stays as it was delivered. An edit is an entry of its own in `store.edits` and a load without messages, which
the next metering run applies: use is counted again, and a closed period is amended by the next close.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from orchestration.errors import BadInputError
from orchestration.turns import refuse_while_busy

FOUND = """
select event.event_id, event.period_id, event.device_ts, event.event_at, event.quantity, event.unit
from finance.billing_events as event
where
    event.tenant_id = %(tenant_id)s and event.device_id = %(device_id)s and event.metric = %(metric)s
    and event.seq_epoch = %(seq_epoch)s and event.msg_seq = %(msg_seq)s
    and (%(device_ts)s::timestamptz is null or event.device_ts = %(device_ts)s)
order by event.device_ts
"""
# A month that left the store leaves its numbers.
LEFT = """
select 1
from store.seen_sequences as seen
inner join registry.tenants as tenant on seen.tenant_no = tenant.tenant_no
inner join registry.devices as device on seen.device_no = device.device_no
inner join registry.metrics as metric on seen.metric_no = metric.metric_no
where
    tenant.tenant_id = %(tenant_id)s and device.device_id = %(device_id)s and metric.metric = %(metric)s
    and seen.seq_epoch = %(seq_epoch)s and %(msg_seq)s between seen.first_seq and seen.last_seq
    and (%(device_ts)s::timestamptz is null or %(device_ts)s between seen.first_device_ts and seen.last_device_ts)
limit 1
"""
EDIT = """
select ledger.edit_event(
    %(event_id)s, %(tenant_id)s, %(device_id)s, %(metric)s, %(seq_epoch)s, %(msg_seq)s, %(device_ts)s, %(quantity)s,
    %(by)s, %(because)s
)
"""


@dataclass(frozen=True)
class Identity:
    """A stored event by the fields of its message; `device_ts` only where a sequence number came again."""

    tenant_id: str
    device_id: str
    metric: str
    msg_seq: int
    seq_epoch: int = 0
    device_ts: datetime | None = None


def edit(session: psycopg.Connection, event: Identity, quantity: Decimal, by: str, because: str) -> dict[str, Any]:
    """Let `quantity`, in the unit in which the event counts, stand for the event's; returns the event as it was found.

    Raises BadInputError when person or reason are missing, when there is no such billed event or several, or when loads
    wait to be metered; BusyError while another run is metering or closing.
    """
    if not (by.strip() and because.strip()):
        raise BadInputError("an edit is a named person's decision: give --by NAME and --because TEXT")
    if not quantity.is_finite() or quantity != round(quantity, 10) or abs(quantity) >= 10**10:
        raise BadInputError(
            f"{quantity} is no quantity: give a number of at most ten digits before and ten after the point"
        )
    refuse_while_busy(session)
    with session.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(FOUND.encode(), asdict(event)).fetchall()
    name = f"message {event.msg_seq} (epoch {event.seq_epoch}) of {event.tenant_id} {event.device_id} {event.metric}"
    if not found:
        raise BadInputError(f"{name} {_why_not(session, event)}")
    if len(found) > 1:
        stamps = ", ".join(row["device_ts"].isoformat() for row in found)
        raise BadInputError(f"{name} came {len(found)} times; say with --measured-at which one: {stamps}")
    parameters = asdict(event) | found[0] | {"quantity": quantity, "by": by, "because": because}
    try:
        session.execute(EDIT.encode(), parameters)
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise BadInputError(f"{error.diag.message_primary}; {error.diag.message_hint}") from error
    return found[0]


def _why_not(session: psycopg.Connection, event: Identity) -> str:
    if session.execute(LEFT.encode(), asdict(event)).fetchone() is None:
        return "is no billed event; finance.billing_events lists them"
    return "is archived; `meterline proposals add` adjusts the invoice that it is on"
