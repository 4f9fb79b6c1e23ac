"""The day that every contender processes: a fleet's deliveries as Parquet, the same bytes for the same arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.errors import BadInputError
from orchestration.ingest.landing_writer import store
from orchestration.ingest.simulator import fleet
from orchestration.ingest.simulator.fleet_configuration import TIME_ZONE
from orchestration.ingest.simulator.messages import table_bytes

# In summer time, so that the local day of a contract is not the UTC day.
DAY = date(2019, 6, 12)
GRACE = timedelta(hours=72)
DUPLICATE_RATIO = 0.015
READINGS_A_DEVICE = 40
FILES = 4
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Day:
    """A day in `landing`, its configuration in `config`; counts of distinct readings and of their repetitions."""

    landing: Path
    config: Path
    device_count: int
    readings: int
    duplicates: int

    @property
    def messages(self) -> int:
        """Rows of the files."""
        return self.readings + self.duplicates

    @property
    def files(self) -> list[Path]:
        """Its files, in the order in which they were received."""
        return sorted(self.landing.rglob(f"date={DAY}/*.parquet"))

    @property
    def byte_count(self) -> int:
        """Size of its files."""
        return sum(path.stat().st_size for path in self.files)


@dataclass(frozen=True)
class LocalDay:
    """A contract's local day as instants, the start of its period and the instant from which messages are late."""

    day_start_at: datetime
    day_end_at: datetime
    period_start_at: datetime
    boundary_at: datetime


def interval_seconds(event_count: int, device_count: int) -> int:
    """Seconds between two readings of a device, so that the day has about `event_count` of them."""
    if not 1 <= device_count <= event_count <= device_count * SECONDS_PER_DAY:
        raise BadInputError(
            f"{event_count} events of {device_count} devices: a device sends from 1 to {SECONDS_PER_DAY} a day"
        )
    return SECONDS_PER_DAY // round(event_count / device_count)


def generate(folder: Path, event_count: int, device_count: int, days_before: int = 0) -> Day:
    """Write the day, as many like it before it, and their configuration below `folder`."""
    interval = interval_seconds(event_count, device_count)
    landing, config = folder / "landing", folder / "config"
    fleet.simulate_fleet(
        landing,
        device_count=device_count,
        first_day=DAY - timedelta(days=days_before),
        day_count=days_before + 1,
        interval_seconds=interval,
        config_dir=config,
        duplicate_ratio=DUPLICATE_RATIO,
        rows_per_file=min(fleet.CHUNK_ROWS, ceil(event_count / FILES)),
    )
    readings = device_count * (SECONDS_PER_DAY // interval)
    messages = sum(pq.ParquetFile(path).metadata.num_rows for path in landing.rglob(f"date={DAY}/*.parquet"))
    return Day(landing, config, device_count, readings, messages - readings)


def generate_eve(folder: Path, day: Day, days_before: int) -> Path:
    """A landing zone with one message of the first device, some days earlier; its sequence is not used again."""
    batch = next(pq.ParquetFile(day.files[0]).iter_batches(batch_size=1))
    row = batch.to_pylist()[0]
    for name in ("device_ts", "sent_ts", "received_at"):
        row[name] -= timedelta(days=days_before)
    table = pa.Table.from_pylist([row | {"msg_seq": 1 - days_before}], schema=batch.schema)
    region = day.files[0].parent.parent.name
    store(folder, f"{region}/date={DAY - timedelta(days=days_before)}/one-message.parquet", table_bytes(table))
    return folder


def local_days() -> list[LocalDay]:
    """The contracts' local days that the UTC day touches; all contracts are monthly from the first."""
    zone = ZoneInfo(TIME_ZONE)

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), zone).astimezone(UTC)

    days = []
    for local in (DAY + timedelta(days=offset) for offset in (-1, 0, 1)):
        next_month = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
        period_start_at, boundary_at = midnight(local.replace(day=1)), midnight(next_month) + GRACE
        days.append(LocalDay(midnight(local), midnight(local + timedelta(days=1)), period_start_at, boundary_at))
    return days
