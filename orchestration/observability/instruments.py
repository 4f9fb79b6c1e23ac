"""Every metric of the platform: its name, its unit (UCUM), what it measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Instrument:
    """A metric; of a histogram `bounds` are the upper bounds of its buckets."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    description: str
    bounds: tuple[float, ...] = ()


# From a small batch to a day; a lag may be as long as somebody waited with old files.
WORK_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
LAG_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3_600, 21_600, 86_400, 259_200, 604_800)

RECEIVED = Instrument("meterline.messages.received", "counter", "{message}", "Messages of metered loads.")
STORED = Instrument("meterline.messages.stored", "counter", "{message}", "Of these, those that became billing events.")
DUPLICATE = Instrument("meterline.messages.duplicate", "counter", "{message}", "Of these, repeats of an event.")
QUARANTINED = Instrument("meterline.messages.quarantined", "counter", "{message}", "Of these, those that were refused.")
LATE = Instrument("meterline.messages.late_not_billed", "counter", "{message}", "Of these, those that came too late.")
FILES = Instrument("meterline.files.read", "counter", "{file}", "Landing files, by what became of them.")
FILES_WAITING = Instrument("meterline.files.waiting", "gauge", "{file}", "Landing files that wait to be read.")
METERING_LAG = Instrument(
    "meterline.metering.lag",
    "histogram",
    "s",
    "From a load's newest received_at until it is metered.",
    LAG_SECONDS,
)
FOLLOWING_LAG = Instrument(
    "meterline.following.lag", "histogram", "s", "From a file in the landing zone until it is metered.", LAG_SECONDS
)
CLOSE_DURATION = Instrument(
    "meterline.close.duration", "histogram", "s", "From the request of a close to its invoices.", WORK_SECONDS
)
INVOICES = Instrument("meterline.invoices.made", "counter", "{invoice}", "Invoice versions that closes made.")
RUN_DURATION = Instrument("meterline.run.duration", "histogram", "s", "Runs from start to end.", WORK_SECONDS)

ALL = (
    RECEIVED, STORED, DUPLICATE, QUARANTINED, LATE, FILES, FILES_WAITING, METERING_LAG, FOLLOWING_LAG, CLOSE_DURATION,
    INVOICES, RUN_DURATION,
)  # fmt: skip
