"""`meterline bench --cadence`: files come every few seconds, each makes use pass a budget; how long until that is told.

The first tenant has a budget between what he used before a file and after it, for every file, so that each file causes
exactly one threshold event, and the event says which.
"""

from __future__ import annotations

import csv
import threading
import time
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa

from orchestration.console import say, table, working
from orchestration.database.connection import connect
from orchestration.ingest.landing_writer import store
from orchestration.ingest.simulator.fleet_configuration import METRIC, UNIT, device_id, tenant_id, write_configuration
from orchestration.ingest.simulator.messages import EXACT_QUANTITY, SCHEMA, TIMESTAMP, table_bytes
from orchestration.progress import report
from tests.benchmarks.contenders import VoidBenchmarkError
from tests.benchmarks.measure import Cost
from tests.benchmarks.report import megabytes
from tests.benchmarks.sandbox import Sandbox

TENANTS, REGION = 10, "eu-west"
INTERVAL_SECONDS, FILE_SECONDS = 30, 5
# A device reports once in an interval: with one of so many files.
FILES_AN_INTERVAL = INTERVAL_SECONDS // FILE_SECONDS
IDLE_SECONDS = 20.0
TOLD = """
select name::integer, extract(epoch from recorded_at)::float
from finance.threshold_events where kind = 'budget' order by 1
"""


@dataclass(frozen=True)
class Stream:
    """Devices that each report every half minute, as files of a few seconds, in `landing`."""

    landing: Path
    config: Path
    device_count: int
    file_count: int

    def devices(self, number: int) -> tuple[int, int]:
        """First and last but one device of a file."""
        block = number % FILES_AN_INTERVAL
        return block * self.device_count // FILES_AN_INTERVAL, (block + 1) * self.device_count // FILES_AN_INTERVAL

    def content(self, number: int, now: datetime) -> bytes:
        """The file's bytes: one kWh of each of its devices, measured in the seconds until now."""
        first, end = self.devices(number)
        devices = range(first, end)
        now_us = int(now.timestamp() * 1e6)
        measured = np.linspace(now_us - FILE_SECONDS * 1_000_000, now_us - 1, len(devices)).astype(np.int64)
        count = len(devices)
        columns = {
            "tenant_id": pa.array([tenant_id(index % TENANTS) for index in devices]),
            "device_id": pa.array([device_id(index) for index in devices]),
            "metric": pa.array([METRIC] * count),
            "msg_seq": pa.array([number // FILES_AN_INTERVAL + 1] * count, pa.int64()),
            "seq_epoch": pa.array([0] * count, pa.int64()),
            "quantity": pa.array([Decimal(1)] * count, EXACT_QUANTITY),
            "device_ts": pa.array(measured).cast(TIMESTAMP),
            "sent_ts": pa.array(measured).cast(TIMESTAMP),
            "received_at": pa.array([now_us] * count).cast(TIMESTAMP),
            "session_id": pa.array([f"gateway-{index % TENANTS}" for index in devices]),
            "unit": pa.array([UNIT] * count),
        }
        return table_bytes(pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA))

    def write_configuration(self) -> None:
        """The fleet's configuration, with a budget that each file passes."""
        write_configuration(self.config, self.device_count, TENANTS, datetime.now(UTC).date(), REGION)
        used = 0
        with (self.config / "budgets.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["budget_id", "tenant_id", "metric", "quantity"])
            for number in range(self.file_count):
                first, end = self.devices(number)
                used += sum(1 for index in range(first, end) if index % TENANTS == 0)
                writer.writerow([number, tenant_id(0), METRIC, f"{used - 0.5}"])


def measure(folder: Path, devices: int, seconds: int) -> dict[str, float]:
    """Follow a stream for so long, and print; the figures. Raises VoidBenchmarkError unless all of it was metered."""
    stream = Stream(folder / "landing", folder / "config", devices, max(1, seconds // FILE_SECONDS))
    stream.landing.mkdir(parents=True)
    stream.write_configuration()
    sandbox = Sandbox(folder / "home", stream)
    landed: dict[int, float] = {}
    try:
        with working("benchmark"):
            report("preparing")(0, 0)
            sandbox.prepare()
            writer = threading.Thread(target=copy_context().run, args=(_write, stream, landed), daemon=True)
            writer.start()
            cost = sandbox.meterline("follow", "--every", "1", "--until-idle", str(IDLE_SECONDS))
            writer.join()
            told = _told(sandbox, stream)
    finally:
        sandbox.stop()
    return _show(stream, cost, [told[number] - landed[number] for number in range(stream.file_count)])


def _write(stream: Stream, landed: dict[int, float]) -> None:
    """Let a file appear every few seconds, by the clock: what takes long makes nothing that comes after it later."""
    begun = time.time()
    for number in range(stream.file_count):
        time.sleep(max(0.0, begun + number * FILE_SECONDS - time.time()))
        now = datetime.now(UTC)
        store(stream.landing, f"region={REGION}/date={now.date()}/{number:06}.parquet", stream.content(number, now))
        landed[number] = time.time()
        report("streaming")(number + 1, stream.file_count)


def _told(sandbox: Sandbox, stream: Stream) -> dict[int, float]:
    """When each file's event was written, by the file's number."""
    messages = sum(end - first for first, end in map(stream.devices, range(stream.file_count)))
    balance = sandbox.balance()
    if (balance["messages"], balance["stored"]) != (messages, messages):
        raise VoidBenchmarkError(f"generated {messages} messages but the platform has {balance}")
    with connect(sandbox.settings) as session:
        told: dict[int, float] = dict(session.execute(TOLD).fetchall())
    if sorted(told) != list(range(stream.file_count)):
        raise VoidBenchmarkError(f"{len(told)} events of {stream.file_count} budgets that were passed")
    return told


def _show(stream: Stream, cost: Cost, seconds: list[float]) -> dict[str, float]:
    third = max(1, len(seconds) // 3)
    messages = stream.device_count * stream.file_count / FILES_AN_INTERVAL
    say(
        f"{stream.device_count:,} devices every {INTERVAL_SECONDS} s for {stream.file_count * FILE_SECONDS:,} s, in "
        f"files of {FILE_SECONDS} s: {messages:,.0f} messages, each metered, each budget told once.\n"
    )
    parts = {"all": seconds, "the first third": seconds[:third], "the last third": seconds[-third:]}
    table(
        "Seconds from a landing file to its threshold event",
        ["files", "count", "median", "95th percentile", "longest"],
        [
            [name, len(found), *(f"{value:.1f}" for value in (*np.percentile(found, [50, 95]), max(found)))]
            for name, found in parts.items()
        ],
    )
    table(
        "Cost of following, start-up included",
        ["s", "client CPU s", "server CPU s", "CPU us/message", "MB client", "MB server"],
        [
            [
                f"{cost.wall:,.0f}", f"{cost.cpu:,.0f}", f"{cost.server_cpu:,.0f}",
                f"{cost.all_cpu * 1e6 / messages:,.1f}", megabytes(cost.peak_bytes), megabytes(cost.server_peak_bytes),
            ]
        ],
    )  # fmt: skip
    return {"cadence_p95_s": float(np.percentile(seconds, 95))}
