"""The canonical reading, and landing files of them: the same readings give the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from upath import UPath

from orchestration.importing.aliases import Alias
from orchestration.ingest.landing_writer import store

READINGS_PER_FILE = 100_000


@dataclass(frozen=True)
class Reading:
    """A reading of one channel: of an interval its use and its begin, of a register its level and the instant.

    `quantity` is text, exactly as delivered or shifted by powers of ten.
    """

    alias: Alias
    at: datetime
    quantity: str
    unit: str | None
    quality: str | None
    interval_seconds: int
    reason_code: str | None = None


@dataclass(frozen=True)
class Delivery:
    """One file of another system: when it was made, its readings, and how many intervals it says it has no data for."""

    made_at: datetime
    readings: list[Reading]
    no_data_count: int = 0


@dataclass(frozen=True)
class Destination:
    """A landing zone, and whose readings are written into it."""

    landing: UPath
    region: str
    tenant_id: str


def message(reading: Reading, tenant_id: str, received_at: datetime) -> dict[str, object]:
    """The reading as a message.

    The instant is the sequence number: an interval that is delivered again is the same event. `sent_ts` is when the
    delivery was made, so that data of last month are late and not a clock that is wrong.
    """
    attributes = {"interval_seconds": reading.interval_seconds, "reason_code": reading.reason_code}
    fields = {
        "tenant_id": tenant_id,
        "device_id": reading.alias.device_id,
        "metric": reading.alias.metric,
        "msg_seq": int(reading.at.timestamp()),
        "quantity": reading.quantity,
        "device_ts": _stamp(reading.at),
        "sent_ts": _stamp(received_at),
        "received_at": _stamp(received_at),
        "unit": reading.unit,
        "quality": reading.quality,
        "attributes": {name: value for name, value in attributes.items() if value is not None},
    }
    return {name: value for name, value in fields.items() if value is not None}


def write(
    destination: Destination, source: str, received_at: datetime, readings: Iterable[Reading]
) -> list[tuple[str, bool]]:
    """Write landing files; returns their paths relative to the landing zone, and whether each is new.

    Files are named by their content, so that a repetition finds them there.
    """
    folder = f"region={destination.region}/date={received_at.astimezone(UTC):%Y-%m-%d}"
    written = []
    for part in _parts(readings):
        lines = (
            json.dumps(message(reading, destination.tenant_id, received_at), ensure_ascii=False) for reading in part
        )
        content = "".join(f"{line}\n" for line in lines).encode()
        path = f"{folder}/{source}-{hashlib.sha256(content).hexdigest()[:32]}.jsonl"
        written.append((path, store(destination.landing, path, content)))
    return written


def _parts(readings: Iterable[Reading]) -> Iterator[list[Reading]]:
    iterator = iter(readings)
    while part := list(islice(iterator, READINGS_PER_FILE)):
        yield part


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
