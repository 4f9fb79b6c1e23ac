"""One device's life: its readings as messages, delivered as its clock, its connection and the broker let it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from orchestration.ingest.simulator.messages import Message
from orchestration.ingest.simulator.roster import Device, Reading
from orchestration.ingest.simulator.story import (
    FIRST_HOUR_AT,
    LAST_RECEIPT_BEFORE,
    OUTAGES,
    REBOOTS,
    WRONG_CLOCKS,
    Outage,
)

DUPLICATE_RATIO = 0.01
# The rest come back from a queue days later.
DUPLICATE_WITHIN_SECONDS_RATIO = 0.85
# Device counters did not begin with the demo; lower numbers are free for what never was a reading.
LEAST_FIRST_SEQ, GREATEST_FIRST_SEQ = 1_000, 50_000


@dataclass(frozen=True)
class Deliveries:
    """What a device's readings became. `late_count` of `messages` were received beyond the grace of their period."""

    messages: list[Message]
    duplicates: list[Message]
    late_count: int


def deliver(device: Device, readings: Sequence[Reading], seed: int) -> Deliveries:
    """Messages of the readings since the device's contract began, one each, and their duplicates.

    A reading is taken 59 minutes and some seconds (the device's own, below 45) into its hour: on the full hour the
    last use of a month would be dated into the next. Quantities are handed on as they are.
    """
    life = _Life(device, Random(f"{seed}:{device.device_id}"))
    messages, duplicates, late_count = [], [], 0
    for hour_at, quantity in readings:
        if hour_at < device.contract_starts_at:
            continue
        measured_at = hour_at + life.minute_of_hour
        message, is_late = life.message(measured_at, quantity)
        messages.append(message)
        late_count += is_late
        if life.rng.random() < DUPLICATE_RATIO:
            duplicates.append(life.duplicate(message))
    return Deliveries(messages, duplicates, late_count)


class _Life:
    """The state of one device: counter, backlog, sessions, clock."""

    def __init__(self, device: Device, rng: Random) -> None:
        self.rng = rng
        self.minute_of_hour = timedelta(minutes=59, milliseconds=rng.randint(0, 44_999))
        self._device = device
        self._outages = [outage for outage in OUTAGES if device.device_id in outage.devices]
        self._clocks = [clock for clock in WRONG_CLOCKS if clock.device_id == device.device_id]
        self._reboots = [reboot.at for reboot in REBOOTS if reboot.device_id == device.device_id]
        self._session_starts = self._draw_session_starts()
        self._next_seq = rng.randint(LEAST_FIRST_SEQ, GREATEST_FIRST_SEQ)
        self._epoch = 0
        self._backlog_count = 0

    def message(self, measured_at: datetime, quantity: Decimal) -> tuple[Message, bool]:
        """The next reading as a message, and whether it is received beyond its period's grace."""
        outage = self._outage(measured_at)
        published_at = self._publication(measured_at, outage)
        received_at = published_at + self._milliseconds(200, 3_000)
        msg_seq, seq_epoch = self._count(measured_at)
        message = Message(
            tenant_id=self._device.tenant_id,
            device_id=self._device.device_id,
            metric=self._device.metric,
            msg_seq=msg_seq,
            seq_epoch=seq_epoch,
            quantity=quantity,
            device_ts=self._by_its_clock(measured_at),
            sent_ts=self._by_its_clock(published_at) if self._device.states_sent_ts else None,
            received_at=received_at,
            session_id=self._session(published_at),
            unit=self._device.unit,
        )
        # Such an outage ends after the boundary of the month it began in, and before that of the next.
        is_late = outage is not None and outage.is_beyond_grace and self._month(measured_at) < self._month(received_at)
        return message, is_late

    def duplicate(self, message: Message) -> Message:
        """The message once more: seconds later from the broker as it is, or days later published by the device anew."""
        received_at = message.received_at + timedelta(seconds=self.rng.uniform(86_400, 5 * 86_400))
        is_soon = self.rng.random() < DUPLICATE_WITHIN_SECONDS_RATIO
        if is_soon or received_at >= LAST_RECEIPT_BEFORE - timedelta(minutes=1) or self._outage(received_at):
            return message._replace(received_at=message.received_at + self._milliseconds(1_000, 9_000))
        published_at = received_at - self._milliseconds(200, 3_000)
        sent_ts = None if message.sent_ts is None else self._by_its_clock(published_at)
        return message._replace(received_at=received_at, sent_ts=sent_ts, session_id=self._session(published_at))

    def _publication(self, measured_at: datetime, outage: Outage | None) -> datetime:
        if outage is None:
            self._backlog_count = 0
            return measured_at + self._milliseconds(300, 2_000)
        self._backlog_count += 1
        return outage.ends_at + timedelta(seconds=2 * self._backlog_count) + self._milliseconds(0, 900)

    def _count(self, measured_at: datetime) -> tuple[int, int]:
        epoch = bisect_right(self._reboots, measured_at)
        if epoch > self._epoch:
            self._epoch, self._next_seq = epoch, 1
        self._next_seq += 1
        return self._next_seq - 1, epoch

    def _draw_session_starts(self) -> list[datetime]:
        """A new session after every outage, reboot and setting of the clock, and else every few days."""
        events = {outage.ends_at for outage in self._outages} | set(self._reboots)
        events |= {instant for clock in self._clocks for instant in (clock.starts_at, clock.ends_at)}
        start = FIRST_HOUR_AT
        while start < LAST_RECEIPT_BEFORE:
            # A connection that has just come back stays for a day: a backlog needs live messages in its session.
            if not any(outage.starts_at <= start <= outage.ends_at + timedelta(days=1) for outage in self._outages):
                events.add(start)
            start = (start + timedelta(hours=self.rng.randint(72, 216))).replace(minute=self.rng.randint(5, 50))
        return sorted(events)

    def _session(self, published_at: datetime) -> str:
        return f"{self._device.device_id}-s{bisect_right(self._session_starts, published_at)}"

    def _outage(self, instant: datetime) -> Outage | None:
        return next((outage for outage in self._outages if outage.starts_at <= instant < outage.ends_at), None)

    def _by_its_clock(self, instant: datetime) -> datetime:
        errors = (clock.error for clock in self._clocks if clock.starts_at <= instant < clock.ends_at)
        return instant + next(errors, timedelta())

    def _month(self, instant: datetime) -> tuple[int, int]:
        local = instant.astimezone(self._device.zone)
        return local.year, local.month

    def _milliseconds(self, least: int, most: int) -> timedelta:
        return timedelta(milliseconds=self.rng.randint(least, most))
