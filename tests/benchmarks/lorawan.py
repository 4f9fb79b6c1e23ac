"""LoRaWAN frames through the platform: many gateways hear one frame, and frame counters restart without saying so.

    .venv/bin/python -m tests.benchmarks.lorawan            # the sample beside this file
    .venv/bin/python -m tests.benchmarks.lorawan FILE.csv   # or Parquet, with the sample's columns

Every reception becomes a message of its own, as a broker without deduplication would deliver it, in one file per
gateway and day. The platform finds the frames; only then are they compared with `line`, the network server's grouping.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.database import embedded
from orchestration.database.connection import connect
from orchestration.settings import Settings
from tests.support import Configuration, json_lines, stamp

SAMPLE = Path(__file__).with_name("lorawan_sample") / "receptions.csv"
COLUMNS = ("source_file", "line", "dev_eui", "f_cnt", "gateway_id", "archived_at_ms")
TENANT = "campus"
# The sensors send every ten minutes, so a number that comes again after five is another frame; gateways deliver within
# seconds. A window longer than the least time between two restarts would take readings for repetitions.
WINDOW_SECONDS = 300
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEPT = "select source_file, source_row from finance.billing_events"
CONFLICTS = "select count(*) from finance.quarantined_messages"

Reception = Mapping[str, Any]
# Landing file and row from 1: where the platform says that an event comes from.
Place = tuple[str, int]


@dataclass(frozen=True)
class Agreement:
    """What the platform kept, against the frames of the network server."""

    receptions: int
    frames: int
    events: int
    lost: int
    kept_twice: int

    @property
    def precision(self) -> float:
        """Share of the events that are the only one of their frame or its first."""
        return (self.frames - self.lost) / self.events

    @property
    def recall(self) -> float:
        """Share of the frames that have an event."""
        return (self.frames - self.lost) / self.frames

    def __str__(self) -> str:
        """Counts and shares, for a person."""
        return (
            f"{self.receptions:,} receptions of {self.frames:,} frames became {self.events:,} events: "
            f"{self.lost} frames lost, {self.kept_twice} kept twice; "
            f"precision {self.precision:.4%}, recall {self.recall:.4%}"
        )


def read(path: Path) -> list[Reception]:
    """Receptions of a CSV or Parquet file, without the status messages, which have no frame counter."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows: Iterable[dict[str, Any]] = list(csv.DictReader(file))
    else:
        # Arrow takes a while to import, so only a Parquet file pays for it.
        import pyarrow.parquet as pq

        rows = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    return [row for row in rows if row["f_cnt"] not in (None, "")]


def alias(dev_eui: str) -> str:
    """The platform's name for a device: a hardware identifier is none."""
    return f"node-{dev_eui[-6:].lower()}-lora"


def message(reception: Reception) -> dict[str, object]:
    """A reception as a message. The sensor has no clock: the frame is dated by when the network had it."""
    received = stamp(EPOCH + timedelta(milliseconds=int(reception["archived_at_ms"])))
    return {
        "tenant_id": TENANT,
        "device_id": alias(str(reception["dev_eui"])),
        "metric": "frames",
        "msg_seq": int(reception["f_cnt"]),
        "quantity": "1",
        "device_ts": received,
        "received_at": received,
        "attributes": {"gateway": str(reception["gateway_id"])},
    }


def write(receptions: Iterable[Reception], landing: Path, config: Path) -> dict[Place, Reception]:
    """Landing files, one per gateway and day, and the configuration; returns which reception is at which place."""
    files: dict[str, list[Reception]] = defaultdict(list)
    configuration = Configuration()
    configuration.metric("frames", unit="1", aggregation="count")
    configuration.tables["device_types"].append(
        {
            "device_type": "lorawan",
            "sequence_conflict_policy": "new_epoch",
            "sequence_reuse_window_seconds": WINDOW_SECONDS,
        }
    )
    for reception in receptions:
        day = str(message(reception)["received_at"])[:10]
        files[f"region=eu/date={day}/{reception['gateway_id']}.jsonl"].append(reception)
    devices = {alias(str(reception["dev_eui"])) for rows in files.values() for reception in rows}
    configuration.tenant(TENANT, *sorted(devices), device_type="lorawan")
    configuration.write(config)
    for name, rows in files.items():
        path = landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(json_lines(map(message, rows)))
    return {(name, row): reception for name, rows in files.items() for row, reception in enumerate(rows, start=1)}


def compare(places: Mapping[Place, Reception], kept: Iterable[Place]) -> Agreement:
    """Events against frames; the only place that looks at `line`."""
    frames = {place: (str(row["source_file"]), int(row["line"])) for place, row in places.items()}
    events = Counter(frames[place] for place in kept)
    distinct = set(frames.values())
    return Agreement(
        receptions=len(frames),
        frames=len(distinct),
        events=events.total(),
        lost=len(distinct - events.keys()),
        kept_twice=sum(count > 1 for count in events.values()),
    )


def main(path: Path) -> None:
    """Run a platform of its own over the receptions of `path` and print how its events agree with the frames."""
    home = Path(tempfile.mkdtemp(prefix="meterline-lorawan-"))
    home.chmod(0o755)
    settings = Settings(home / "home", None, str(home / "landing"), str(home / "config"))
    try:
        places = write(read(path), home / "landing", home / "config")
        ours = {"HOME": settings.home, "LANDING": settings.landing_url, "CONFIG": settings.config_url}
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("METERLINE_", "PG"))}
        environment |= {f"METERLINE_{name}": str(value) for name, value in ours.items()}
        meterline = str(Path(sys.executable).with_name("meterline"))
        subprocess.run([meterline, "process"], env=environment, check=True, stdout=subprocess.DEVNULL)
        with connect(settings, "meterline_auditor") as session:
            kept = session.execute(KEPT).fetchall()
            conflicts = session.execute(CONFLICTS).fetchall()
        print(compare(places, [(file, row) for file, row in kept]))
        print(f"{conflicts[0][0]} receptions on the quarantine desk")
    finally:
        embedded.stop(settings.home)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE)
