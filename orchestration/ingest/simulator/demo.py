"""The demo's landing zone: two months of real meter readings, delivered by a fleet that has its troubles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import NamedTuple

import pyarrow as pa
from upath import UPath

from orchestration.ingest.landing_writer import store
from orchestration.ingest.simulator import malformed
from orchestration.ingest.simulator.device import deliver
from orchestration.ingest.simulator.messages import (
    Message,
    Row,
    csv_bytes,
    gzip_bytes,
    json_lines_bytes,
    parquet_bytes,
)
from orchestration.ingest.simulator.report import SimulationReport
from orchestration.ingest.simulator.roster import read_devices, read_readings
from orchestration.progress import Report

SEED = 20190201
WINDOW_HOURS = 8
EVENING_HOUR = 16
# The gateway's evening files take turns, the others are Parquet.
EVENING_FORMATS = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")

# A delivery that is repeated and breaks off, and a file that was opened and never filled.
TRUNCATED = ("eu-west", date(2019, 3, 12))
EMPTY = ("us-east", date(2019, 2, 20))


class Window(NamedTuple):
    """The hours of a region's received day that share a file, from `hour` on (UTC)."""

    region: str
    day: date
    hour: int

    @property
    def extension(self) -> str:
        """The file's format."""
        return EVENING_FORMATS[self.day.toordinal() % len(EVENING_FORMATS)] if self.hour == EVENING_HOUR else ".parquet"

    @property
    def path(self) -> str:
        """The file, relative to the landing zone."""
        return f"{_folder(self.region, self.day)}/gateway-{self.hour:02d}{self.extension}"


def simulate_demo(landing: UPath | Path, seed: int = SEED, progress: Report | None = None) -> SimulationReport:
    """Write the demo's landing zone; the same seed writes the same bytes.

    A repetition writes only what is missing, so an interrupted run is resumed by running it again. `progress` is
    called with the number of files done and their total.

    Raises BadInputError when a file of the landing zone exists with other content.
    """
    report = SimulationReport()
    windows = _gathered(seed, report)
    extras = _malformed_rows(windows, seed, report)
    total = len(windows) + 2
    for done, (region, path, content) in enumerate(_files(windows, extras), start=1):
        report.written_files += store(landing, path, content)
        report.regions[region].files += 1
        if progress is not None:
            progress(done, total)
    report.regions[TRUNCATED[0]].unreadable_files += 1
    report.regions[EMPTY[0]].empty_files += 1
    return report


def _gathered(seed: int, report: SimulationReport) -> dict[Window, list[Message]]:
    """All deliveries by the file they land in, in the order of receipt."""
    readings = {metric: read_readings(metric) for metric in ("electricity", "gas")}
    windows: dict[Window, list[Message]] = defaultdict(list)
    for device in read_devices():
        deliveries = deliver(device, readings[device.metric][device.building], seed)
        counts = report.regions[device.region]
        counts.readings += len(deliveries.messages)
        counts.duplicates += len(deliveries.duplicates)
        counts.late += deliveries.late_count
        for message in (*deliveries.messages, *deliveries.duplicates):
            at = message.received_at
            windows[Window(device.region, at.date(), at.hour // WINDOW_HOURS * WINDOW_HOURS)].append(message)
    return {window: sorted(windows[window], key=attrgetter("received_at")) for window in sorted(windows)}


def _malformed_rows(
    windows: Mapping[Window, list[Message]], seed: int, report: SimulationReport
) -> Mapping[Window, list[Row]]:
    """Malformed rows of every kind and region, by the file they are added to."""
    rows: dict[Window, list[Row]] = defaultdict(list)
    regions = sorted({window.region for window in windows})
    for region in regions:
        rng = Random(f"{seed}:malformed:{region}")
        own = [window for window in windows if window.region == region]
        text_files = [window for window in own if window.extension != ".parquet"]
        for reason, variant, make in malformed.makers():
            window = rng.choice(text_files if malformed.needs_text_file(reason) else own)
            model = rng.choice([message for message in windows[window] if malformed.is_model(message, reason)])
            if reason == "wrong_region":
                window = window._replace(region=next(other for other in regions if other != region))
            rows[window].append(make(model, variant))
            report.regions[window.region].malformed[reason] += 1
    return rows


def _files(
    windows: Mapping[Window, list[Message]], extras: Mapping[Window, list[Row]]
) -> Iterator[tuple[str, str, bytes]]:
    """Region, path and content of every file."""
    for window, messages in windows.items():
        rows = sorted([*messages, *extras.get(window, [])], key=attrgetter("received_at"))
        yield window.region, window.path, _content(window, rows)
    region, day = TRUNCATED
    again = gzip_bytes(json_lines_bytes(windows[Window(region, day, 0)], is_quantity_number=False))
    yield region, f"{_folder(region, day)}/gateway-00-again.jsonl.gz", again[: len(again) // 2]
    region, day = EMPTY
    yield region, f"{_folder(region, day)}/gateway-24.jsonl", b""


def _content(window: Window, rows: list[Row]) -> bytes:
    if window.extension == ".parquet":
        messages = [row for row in rows if isinstance(row, Message)]
        # Gateways differ in how they keep decimals exact.
        return parquet_bytes(messages, pa.string()) if window.hour else parquet_bytes(messages)
    is_packed = window.extension.endswith(".gz")
    if window.extension.startswith(".csv"):
        content = csv_bytes(rows)
    else:
        content = json_lines_bytes(rows, is_quantity_number=not is_packed)
    return gzip_bytes(content) if is_packed else content


def _folder(region: str, day: date) -> str:
    return f"region={region}/date={day.isoformat()}"
