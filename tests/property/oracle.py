"""What a history's events are by RULES, read once more and computed the slow way: an oracle for tests, nothing else.

Twins show that an answer does not depend on the way there; this shows that it is the right one. It knows one device's
messages as a list and looks at all of them for each, which no platform could.
"""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.property.histories import UNIT
from tests.support import Message, instant

SKEW_LIMIT = timedelta(seconds=300)
TOLERANCE = timedelta(minutes=5)
DAY = timedelta(days=1)

Identity = tuple[str, str, int, int]


@dataclass(frozen=True)
class Arrival:
    """A message that is good in itself."""

    identity: Identity
    quantity: Decimal
    session: str | None
    device_ts: datetime
    sent_ts: datetime | None
    received_at: datetime

    @property
    def delay(self) -> timedelta:
        """How long it took, by its own clock."""
        return self.received_at - (self.sent_ts or self.device_ts)


@dataclass(frozen=True)
class Period:
    """A billing period with the instant from which messages are late for it."""

    starts_at: datetime
    ends_at: datetime
    first_date: date
    boundary_at: datetime


@dataclass(frozen=True)
class Answer:
    """Rows of events as the test reads them from the store, and how many messages are refused for which reason."""

    events: list[tuple[Any, ...]]
    refusals: dict[str, int]


def answer(contract: dict[str, Any], messages: list[Message]) -> Answer:
    """Judge, deduplicate, date and assign the messages of one tenant."""
    refusals: dict[str, int] = defaultdict(int)
    good = []
    for row in messages:
        reason = own_reason(row)
        if reason:
            refusals[reason] += 1
        else:
            good.append(arrival(row))
    kept: dict[Identity, Arrival] = {}
    for one in sorted(good, key=lambda one: one.received_at):
        kept.setdefault(one.identity, one)
    agreed = [one for one in good if agrees(one, kept[one.identity])]
    refusals["sequence_conflict"] = len(good) - len(agreed)
    periods = list(periods_of(contract))
    events = [event(contract, periods, one, agreed) for one in kept.values()]
    refusals["no_contract"] = sum(row[-2] == "x" for row in events)
    return Answer(events, {reason: count for reason, count in refusals.items() if count})


def own_reason(row: Message) -> str | None:
    """The first rule that a message fails by itself (RULES 21), of those that histories break."""
    if row["quantity"] == "NaN":
        return "bad_quantity"
    if row["unit"] not in ("", UNIT):
        return "unit_mismatch"
    return "negative_delta" if Decimal(row["quantity"]) < 0 else None


def arrival(row: Message) -> Arrival:
    """A message as values."""
    return Arrival(
        identity=(row["device_id"], row["metric"], row["seq_epoch"], row["msg_seq"]),
        quantity=Decimal(row["quantity"]),
        session=row.get("session_id"),
        device_ts=instant(row["device_ts"]),
        sent_ts=instant(row["sent_ts"]) if "sent_ts" in row else None,
        received_at=instant(row["received_at"]),
    )


def agrees(one: Arrival, kept: Arrival) -> bool:
    """A repeat with another quantity or measurement time is a conflict (RULES 7)."""
    return one.quantity == kept.quantity and one.device_ts == kept.device_ts


def event(contract: dict[str, Any], periods: list[Period], kept: Arrival, agreed: list[Arrival]) -> tuple[Any, ...]:
    """One row: identity, quantity, stamps, clock, skew candidate, disposition, first date of the billed period."""
    offset = min(one.delay for one in agreed if speaks_for(one, kept))
    source, event_at = dated(contract["clock_policy"], kept, offset)
    own = holding(periods, event_at)
    billed, disposition = assigned(contract, periods, own, kept.received_at)
    candidate = billed is not None and (
        billed.starts_at - TOLERANCE <= kept.device_ts < billed.starts_at
        or billed.ends_at <= kept.device_ts <= billed.ends_at + TOLERANCE
    )
    stamps = (event_at, kept.received_at, kept.device_ts)
    clock = (source, Decimal(offset // timedelta(microseconds=1)) / 1_000_000)
    first_date = billed.first_date if billed else None
    return (*kept.identity, kept.quantity, *stamps, kept.session, *clock, candidate, disposition, first_date)


def speaks_for(one: Arrival, kept: Arrival) -> bool:
    """Whether a message is evidence on the clock of another (RULES 3)."""
    days_apart = abs((one.received_at.date() - kept.received_at.date()).days)
    same_session = one.identity[0] == kept.identity[0] and one.session == kept.session
    return same_session and days_apart <= (0 if kept.session is None else 1)


def dated(policy: str, kept: Arrival, offset: timedelta) -> tuple[str, datetime]:
    """Whose clock dates an event, and when it was (DESIGN section 4, RULES 4)."""
    if policy == "device":
        return "device", kept.device_ts
    own_delay = kept.received_at - kept.device_ts
    if policy == "hybrid":
        return ("device", kept.device_ts) if abs(own_delay) <= SKEW_LIMIT else ("server", kept.received_at)
    if abs(offset) <= SKEW_LIMIT and own_delay >= -SKEW_LIMIT:
        return "device", kept.device_ts
    if policy == "server":
        return "server", kept.received_at
    return "corrected", min(kept.device_ts + offset, kept.received_at)


def assigned(
    contract: dict[str, Any], periods: list[Period], own: Period | None, received_at: datetime
) -> tuple[Period | None, str]:
    """The period that shows an event and what becomes of it: b, n, d (deferred), r (reopens) or x (no contract)."""
    if own is None:
        return None, "x"
    if received_at < own.boundary_at:
        return own, "b"
    if contract["late_policy"] == "reopen":
        return own, "r"
    open_period = holding(periods, received_at) if contract["late_policy"] == "defer" else None
    return (open_period, "d") if open_period else (own, "n")


def holding(periods: list[Period], moment: datetime) -> Period | None:
    """The period that contains an instant."""
    return next((period for period in periods if period.starts_at <= moment < period.ends_at), None)


def periods_of(contract: dict[str, Any]) -> Iterator[Period]:
    """The contract's periods around March 2019, cycles clipped to the contract (RULES 2, 12, 13)."""
    zone = ZoneInfo(contract["time_zone"])
    begins = midnight(date.fromisoformat(contract["starts_at"]), zone)
    ends = midnight(date.fromisoformat(contract["ends_at"] or "2100-01-01"), zone)
    is_graced = contract["late_policy"] == "grace"
    delay = (
        timedelta(hours=contract["grace_hours"]) if is_graced else timedelta(minutes=contract["close_delay_minutes"])
    )
    for first, following in pairwise(cycle_starts(contract)):
        starts_at, ends_at = max(midnight(first, zone), begins), min(midnight(following, zone), ends)
        if starts_at < ends_at:
            yield Period(starts_at, ends_at, starts_at.astimezone(zone).date(), ends_at + delay)


def cycle_starts(contract: dict[str, Any]) -> Iterator[date]:
    """First local dates of the cycles from December 2018 to August 2019."""
    anchor = contract["anchor_day"]
    if contract["billing_cycle"] == "weekly":
        monday = date(2018, 12, 3)
        yield from (monday + timedelta(days=anchor - 1, weeks=week) for week in range(36))
        return
    for year, month in [(2018, 12), *((2019, month) for month in range(1, 9))]:
        yield date(year, month, min(anchor, monthrange(year, month)[1]))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant of a local midnight: the first of two, and one that does not exist moved on by the gap."""
    return datetime.combine(day, time(0), zone).replace(fold=0).astimezone(UTC)
