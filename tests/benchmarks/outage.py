"""Three days of a fleet twice: as its devices report when all is well, and as they deliver it after an outage.

Both have the same readings and the same repetitions. What differs is when they were sent and received, by which
session, and in which order they lie in which files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.ingest.landing_writer import store
from orchestration.ingest.simulator.fleet import CHUNK_ROWS, GREATEST_THOUSANDTHS, exact_thousandths
from orchestration.ingest.simulator.fleet_configuration import METRIC, UNIT, device_id, tenant_id, write_configuration
from orchestration.ingest.simulator.messages import SCHEMA, TIMESTAMP, table_bytes
from orchestration.progress import report
from tests.benchmarks.day import DUPLICATE_RATIO

# Within a month also by London's summer time, by which contracts count.
FIRST_DAY, DAYS = date(2019, 6, 10), 3
BACK_DAY = FIRST_DAY + timedelta(days=DAYS)
READINGS_A_DAY = 96
BACKLOG = DAYS * READINGS_A_DAY
TENANTS, REGION, SEED = 10, "eu-west", 1
SECOND = 1_000_000
INTERVAL = 86_400 * SECOND // READINGS_A_DAY
# The last device reports this long before the interval ends, so that all of a day is received on it.
QUIET = 60 * SECOND
RECONNECTION, BETWEEN_MESSAGES = 600 * SECOND, 10_000

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outage:
    """Landing zones below `folder`: `eve`, a reading of each device from before, `days`, and `backlog`."""

    folder: Path
    device_count: int

    @property
    def config(self) -> Path:
        """The fleet's configuration."""
        return self.folder / "config"

    @property
    def landing(self) -> Path:
        """What has come before anything is measured."""
        return self.folder / "eve"

    @property
    def readings(self) -> int:
        """Distinct readings of the three days."""
        return self.device_count * BACKLOG

    @cached_property
    def thousandths(self) -> npt.NDArray[np.int16]:
        """Quantities by the reading's number, of which 0 is that of the eve, and device."""
        shape = (BACKLOG + 1, self.device_count)
        return np.random.default_rng(SEED).integers(0, GREATEST_THOUSANDTHS, shape, dtype=np.int16)

    @cached_property
    def is_repeated(self) -> npt.NDArray[np.bool_]:
        """Which of them are sent twice."""
        draws = np.random.default_rng([SEED, 1]).random(self.thousandths.shape, dtype=np.float32)
        return draws < DUPLICATE_RATIO

    @property
    def duplicates(self) -> int:
        """Messages of the three days that repeat another."""
        return int(self.is_repeated[1:].sum())

    @property
    def messages(self) -> int:
        """Rows of the files of the three days, and of those of the backlog."""
        return self.readings + self.duplicates

    @cached_property
    def device_ids(self) -> Any:
        """Device ids by the device's index."""
        return pa.array([device_id(index) for index in range(self.device_count)])

    @cached_property
    def tenant_ids(self) -> Any:
        """Tenant ids by the device's index."""
        tenants = min(TENANTS, self.device_count)
        return pa.array([tenant_id(index % tenants) for index in range(self.device_count)])

    def measured_us(self, device: Integers, number: Integers) -> Integers:
        """When readings were measured, each device at its own second of the interval."""
        return _start_us(FIRST_DAY) + (number - 1) * INTERVAL + device * (INTERVAL - QUIET) // self.device_count


def generate(folder: Path, device_count: int) -> Outage:
    """Write the landing zones in pieces, and the configuration."""
    outage = Outage(folder, device_count)
    write_configuration(outage.config, device_count, min(TENANTS, device_count), FIRST_DAY, REGION)
    _write(outage, "eve", FIRST_DAY - timedelta(days=1), _as_measured(outage, range(1)))
    for day in range(DAYS):
        report("writing the days")(day, DAYS)
        numbers = range(day * READINGS_A_DAY + 1, (day + 1) * READINGS_A_DAY + 1)
        _write(outage, "days", FIRST_DAY + timedelta(days=day), _as_measured(outage, numbers))
    report("writing the backlog")(0, 0)
    _write(outage, "backlog", BACK_DAY, _after_outage(outage))
    return outage


def _write(outage: Outage, name: str, day: date, pieces: Iterator[Any]) -> None:
    for part, table in enumerate(pieces):
        store(outage.folder / name, f"region={REGION}/date={day}/fleet-{part:05}.parquet", table_bytes(table))


def _as_measured(outage: Outage, numbers: range) -> Iterator[Any]:
    """Tables of readings that all devices send at once, in the order of measurement."""
    row_count = len(numbers) * outage.device_count
    for start in range(0, row_count, CHUNK_ROWS):
        index = np.arange(start, min(start + CHUNK_ROWS, row_count), dtype=np.int64)
        number, device = np.divmod(index, outage.device_count)
        number += numbers.start
        rng = np.random.default_rng([SEED, 2, numbers.start, start])
        sent_us = outage.measured_us(device, number) + rng.integers(50_000, 500_000, len(index))
        yield _table(outage, device, number, sent_us, "s1", rng)


def _after_outage(outage: Outage) -> Iterator[Any]:
    """Tables of the backlog in the order of receipt: each device sends its own in one session, oldest first."""
    step = CHUNK_ROWS // BACKLOG
    for first in range(0, outage.device_count, step):
        devices = np.arange(first, min(first + step, outage.device_count), dtype=np.int64)
        device = np.repeat(devices, BACKLOG)
        number = np.tile(np.arange(1, BACKLOG + 1, dtype=np.int64), len(devices))
        back_us = _start_us(BACK_DAY) + device * RECONNECTION // outage.device_count
        sent_us = back_us + number * BETWEEN_MESSAGES
        yield _table(outage, device, number, sent_us, "s2", np.random.default_rng([SEED, 3, first]))


def _table(
    outage: Outage, device: Integers, number: Integers, sent_us: Integers, session: str, rng: np.random.Generator
) -> Any:
    """Messages as received, repetitions among them."""
    received_us = sent_us + rng.integers(200_000, 3 * SECOND, len(device))
    repeated = np.flatnonzero(outage.is_repeated[number, device])
    again_us = received_us[repeated] + rng.integers(SECOND, 30 * SECOND, len(repeated))
    received_us = np.concatenate([received_us, again_us])
    order = np.argsort(received_us, kind="stable")
    rows = np.concatenate([np.arange(len(device)), repeated])[order]
    device, number, received_us = device[rows], number[rows], received_us[order]
    of_device, none = pa.array(device), pa.array(np.zeros(len(rows), dtype=np.int64))
    columns = {
        "tenant_id": outage.tenant_ids.take(of_device),
        "device_id": outage.device_ids.take(of_device),
        "metric": pa.array([METRIC]).take(none),
        "msg_seq": pa.array(number + 1),
        "seq_epoch": none,
        "quantity": exact_thousandths(outage.thousandths[number, device].astype(np.int64)),
        "device_ts": pa.array(outage.measured_us(device, number)).cast(TIMESTAMP),
        "sent_ts": pa.array(sent_us[rows]).cast(TIMESTAMP),
        "received_at": pa.array(received_us).cast(TIMESTAMP),
        "session_id": pc.binary_join_element_wise(outage.device_ids, session, "-").take(of_device),
        "unit": pa.array([UNIT]).take(none),
    }
    return pa.table(columns, schema=SCHEMA)


def _start_us(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * SECOND
