"""The close of a month of many device-periods: what it costs, and whether more events of the same devices matter."""

from __future__ import annotations

from pathlib import Path

from orchestration.console import table
from orchestration.database.connection import connect
from tests.benchmarks.contenders import VoidBenchmarkError
from tests.benchmarks.day import DAY, generate
from tests.benchmarks.measure import Cost
from tests.benchmarks.sandbox import Sandbox

# After the grace of the month that holds the day.
AS_OF = "2019-07-05T00:00:00Z"
# A month before any message was received, and the month of the day.
EMPTY_MONTH, MONTH = "2019-05", f"{DAY:%Y-%m}"
READINGS_A_DEVICE = (1, 10)
CLOSED = """
select count(*), coalesce(sum(quantity), 0) = (select sum(quantity) from finance.billing_events)
from finance.device_usage
"""


def measure(folder: Path, device_count: int) -> None:
    """Close the month with one and with ten readings a device, and print both beside a month without use."""
    days = [generate(folder / f"readings-{count}", count * device_count, device_count) for count in READINGS_A_DEVICE]
    sandbox = Sandbox(folder / "home", days[0])
    rows = []
    try:
        sandbox.prepare()
        sandbox.keep_state()
        for day in days:
            sandbox.restore_state()
            sandbox.meterline("process", landing=day.landing)
            empty = sandbox.meterline("close", "--period", EMPTY_MONTH, "--as-of", AS_OF)
            full = sandbox.meterline("close", "--period", MONTH, "--as-of", AS_OF)
            _check(sandbox, device_count)
            rows.append(_row(f"{day.readings:,} events", full, full.less(empty), device_count))
            if day is days[0]:
                rows.insert(0, _row("no events", empty, empty.less(empty), device_count))
    finally:
        sandbox.stop()
    columns = ["", "seconds", "client CPU s", "server CPU s", "CPU us per device-period beyond the empty month"]
    table(f"Close of {device_count:,} device-periods", columns, rows)


def _row(name: str, cost: Cost, beyond: Cost, device_count: int) -> list[str]:
    microseconds = (beyond.cpu + beyond.server_cpu) * 1e6 / device_count
    return [name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.server_cpu:.1f}", f"{microseconds:.1f}"]


def _check(sandbox: Sandbox, device_count: int) -> None:
    with connect(sandbox.settings, "meterline_finance") as session:
        row = session.execute(CLOSED).fetchone()
    if row is None or row[0] != device_count or not row[1]:
        raise VoidBenchmarkError(f"{row} after the close of {device_count} device-periods")
