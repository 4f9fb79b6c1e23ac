"""A synthetic fleet of any size, for benchmarks: whole days of messages as columns, and the configuration to match."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from orchestration.errors import BadInputError
from orchestration.ingest.landing_writer import store
from orchestration.ingest.simulator.fleet_configuration import METRIC, UNIT, device_id, tenant_id, write_configuration
from orchestration.ingest.simulator.messages import EXACT_QUANTITY, SCHEMA, TIMESTAMP, table_bytes
from orchestration.ingest.simulator.report import SimulationReport
from orchestration.progress import Report

CHUNK_ROWS = 500_000
SECONDS_PER_DAY = 86_400
US_PER_SECOND = 1_000_000
SESSION_DAYS = 7
# Quantities are whole thousandths of a kWh; the Parquet type counts in steps of 10^-10.
GREATEST_THOUSANDTHS = 5_000
STEPS_PER_THOUSANDTH = 10**7

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Fleet:
    """Devices that report their use every `interval_seconds`, each at its own second of the interval."""

    device_count: int
    tenant_count: int
    first_day: date
    interval_seconds: int
    duplicate_ratio: float
    seed: int
    rows_per_file: int = CHUNK_ROWS

    @property
    def slots_per_day(self) -> int:
        """Readings of one device in a day."""
        return SECONDS_PER_DAY // self.interval_seconds

    @property
    def readings_per_day(self) -> int:
        """Readings of all devices in a day."""
        return self.device_count * self.slots_per_day

    @cached_property
    def device_ids(self) -> Any:
        """Device ids by the device's index."""
        return pa.array([device_id(index) for index in range(self.device_count)])

    @cached_property
    def tenant_ids(self) -> Any:
        """Tenant ids by the device's index."""
        return pa.array([tenant_id(index % self.tenant_count) for index in range(self.device_count)])


def simulate_fleet(
    landing: UPath | Path,
    *,
    device_count: int,
    first_day: date,
    day_count: int,
    interval_seconds: int,
    config_dir: Path,
    tenant_count: int = 10,
    duplicate_ratio: float = 0.01,
    seed: int = 1,
    region: str = "eu-west",
    rows_per_file: int = CHUNK_ROWS,
    progress: Report | None = None,
) -> SimulationReport:
    """Write Parquet files of a fleet's messages, by day and in pieces, and its configuration into `config_dir`.

    A day has `device_count * (86400 // interval_seconds)` readings and about `duplicate_ratio` of it duplicates,
    all received on that day; clocks are right and nothing is late. The same arguments write the same bytes, and a
    repetition writes only what is missing. `progress` is called with the number of landing files done and their total.

    Raises BadInputError for a fleet without devices, tenants or readings, and when a file exists with other content.
    """
    if min(device_count, tenant_count, interval_seconds, rows_per_file) < 1 or interval_seconds > SECONDS_PER_DAY:
        raise BadInputError("a fleet needs a device, a tenant, a row per file and an interval of 1 to 86400 seconds")
    fleet = Fleet(device_count, tenant_count, first_day, interval_seconds, duplicate_ratio, seed, rows_per_file)
    write_configuration(config_dir, device_count, tenant_count, first_day, region)
    report = SimulationReport()
    counts = report.regions[region]
    file_count = day_count * ceil(fleet.readings_per_day / rows_per_file)
    for day_index in range(day_count):
        folder = f"region={region}/date={(first_day + timedelta(days=day_index)).isoformat()}"
        for part, (table, reading_count) in enumerate(_pieces(fleet, day_index)):
            report.written_files += store(landing, f"{folder}/fleet-{part:05d}.parquet", table_bytes(table))
            counts.files += 1
            counts.readings += reading_count
            counts.duplicates += table.num_rows - reading_count
            if progress is not None:
                progress(counts.files, file_count)
    return report


def exact_thousandths(thousandths: Integers) -> Any:
    """Whole thousandths (64-bit integers) as decimals of the landing files, without a float on the way."""
    # 128-bit integers of the type's own steps, the low half first.
    halves = np.zeros((len(thousandths), 2), dtype="<i8")
    halves[:, 0] = thousandths * STEPS_PER_THOUSANDTH
    return pa.Array.from_buffers(EXACT_QUANTITY, len(thousandths), [None, pa.py_buffer(halves)])


def _pieces(fleet: Fleet, day_index: int) -> Iterator[tuple[Any, int]]:
    """Tables of a day in the order of measurement, and how many of their rows are readings."""
    for part, start in enumerate(range(0, fleet.readings_per_day, fleet.rows_per_file)):
        index = np.arange(start, min(start + fleet.rows_per_file, fleet.readings_per_day), dtype=np.int64)
        rng = np.random.default_rng([fleet.seed, day_index, part])
        yield _table(fleet, day_index, index, rng), len(index)


def _table(fleet: Fleet, day_index: int, index: Integers, rng: np.random.Generator) -> Any:
    slot, device = np.divmod(index, fleet.device_count)
    phase_us = device * (fleet.interval_seconds * US_PER_SECOND) // fleet.device_count
    day_start_us = _microseconds(fleet.first_day + timedelta(days=day_index))
    day_end_us = day_start_us + SECONDS_PER_DAY * US_PER_SECOND
    device_ts = day_start_us + slot * (fleet.interval_seconds * US_PER_SECOND) + phase_us
    sent_ts = np.minimum(device_ts + rng.integers(50_000, 500_000, len(index)), day_end_us - 1)
    received_at = np.minimum(sent_ts + rng.integers(200_000, 3_000_000, len(index)), day_end_us - 1)
    thousandths = rng.integers(0, GREATEST_THOUSANDTHS, len(index))
    repeated = np.flatnonzero(rng.random(len(index)) < fleet.duplicate_ratio)
    again_at = np.minimum(received_at[repeated] + rng.integers(1_000_000, 30_000_000, len(repeated)), day_end_us - 1)
    rows = np.concatenate([np.arange(len(index)), repeated])
    none = np.zeros(len(rows), dtype=np.int64)
    columns = {
        "tenant_id": fleet.tenant_ids.take(pa.array(device[rows])),
        "device_id": fleet.device_ids.take(pa.array(device[rows])),
        "metric": pa.array([METRIC]).take(pa.array(none)),
        "msg_seq": pa.array(day_index * fleet.slots_per_day + slot[rows] + 1),
        "seq_epoch": pa.array(none),
        "quantity": exact_thousandths(thousandths[rows]),
        "device_ts": pa.array(device_ts[rows]).cast(TIMESTAMP),
        "sent_ts": pa.array(sent_ts[rows]).cast(TIMESTAMP),
        "received_at": pa.array(np.concatenate([received_at, again_at])).cast(TIMESTAMP),
        "session_id": _session_ids(fleet, day_index).take(pa.array(device[rows])),
        "unit": pa.array([UNIT]).take(pa.array(none)),
    }
    return pa.table(columns, schema=SCHEMA)


def _session_ids(fleet: Fleet, day_index: int) -> Any:
    return pc.binary_join_element_wise(fleet.device_ids, f"s{day_index // SESSION_DAYS + 1}", "-")


def _microseconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp()) * US_PER_SECOND
