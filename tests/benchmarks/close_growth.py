"""`meterline bench --close-growth`: a close of the same devices over a month's events, and ten times as many."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from orchestration.console import say, table, working
from orchestration.database.connection import connect
from orchestration.ingest.simulator import fleet
from orchestration.progress import report
from tests.benchmarks.contenders import VoidBenchmarkError
from tests.benchmarks.day import Day
from tests.benchmarks.measure import Cost, Spread
from tests.benchmarks.report import megabytes, ratio
from tests.benchmarks.sandbox import Sandbox

MONTH, AS_OF = "2019-06", "2019-07-05"
# The month and a day on each side: contracts count days in London's time, files in UTC.
FIRST_DAY, DAYS = date(2019, 5, 31), 32
READINGS_A_DAY = (1, 10)
TENANTS = 100
# Contracts began before the month, so that there are invoices without use of the time before it, too.
CLOSED = f"""
select count(*), (select count(*) from store.closed_usage)
from store.invoices
inner join store.periods using (tenant_no, period_no)
where last_local_month = '{MONTH}-01'
"""


def measure(folder: Path, devices: int, repeat: int) -> dict[str, float]:
    """Generate, process, close and print; the figures. Raises VoidBenchmarkError unless every device was rated."""
    costs: dict[int, list[Cost]] = {}
    events: dict[int, int] = {}
    for readings in READINGS_A_DAY:
        day = _generate(folder / f"month-{readings}", devices, readings)
        events[readings] = day.readings
        costs[readings] = _closes(Sandbox(folder / f"home-{readings}", day), repeat)
    return _show(devices, events, costs)


def _generate(folder: Path, devices: int, readings: int) -> Day:
    found = fleet.simulate_fleet(
        folder / "landing",
        device_count=devices,
        first_day=FIRST_DAY,
        day_count=DAYS,
        interval_seconds=fleet.SECONDS_PER_DAY // readings,
        config_dir=folder / "config",
        tenant_count=min(TENANTS, devices),
        duplicate_ratio=0,
    )
    (counts,) = found.regions.values()
    return Day(folder / "landing", folder / "config", devices, counts.readings, 0)


def _closes(sandbox: Sandbox, repeat: int) -> list[Cost]:
    """Costs of closing the month so many times, each from the state before its first close."""
    try:
        with working("benchmark"):
            report("processing")(0, 0)
            sandbox.prepare()
            sandbox.meterline("process")
            # The first close of a platform also makes what Dagster keeps; that of the month before has nothing to rate.
            sandbox.meterline("close", "--period", "2019-04", "--as-of", AS_OF)
            sandbox.keep_state()
            costs = []
            for done in range(repeat):
                report("closing")(done, repeat)
                sandbox.restore_state()
                costs.append(sandbox.meterline("close", "--period", MONTH, "--as-of", AS_OF))
                _refuse_incomplete(sandbox)
            return costs
    finally:
        sandbox.stop()


def _refuse_incomplete(sandbox: Sandbox) -> None:
    devices = sandbox.day.device_count
    with connect(sandbox.settings) as session:
        found = session.execute(CLOSED.encode()).fetchone()
    if found != (min(TENANTS, devices), devices):
        raise VoidBenchmarkError(f"the close made {found} invoices and rated devices, of {devices} devices")


def _show(devices: int, events: dict[int, int], costs: dict[int, list[Cost]]) -> dict[str, float]:
    cpu = {readings: Spread.of(cost.all_cpu for cost in found) for readings, found in costs.items()}
    fewest, most = READINGS_A_DAY
    say(f"The same {devices:,} devices of {min(TENANTS, devices)} tenants, every one of them rated.\n")
    table(
        "A close over more events",
        ["events", "s", "CPU s", "x fewest", "MB client", "MB server"],
        [
            [
                f"{events[readings]:,}",
                Spread.of(cost.wall for cost in found).text(1),
                cpu[readings].text(1),
                ratio(cpu[readings].middle / cpu[fewest].middle),
                megabytes(max(cost.peak_bytes for cost in found)),
                megabytes(max(cost.server_peak_bytes for cost in found)),
            ]
            for readings, found in costs.items()
        ],
    )
    return {"close_growth_ratio": cpu[most].middle / cpu[fewest].middle}
