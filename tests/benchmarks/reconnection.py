"""`meterline bench --reconnect`: a fleet that was offline for three days delivers everything at once.

The same readings are also processed as they would have come, a day in a run. Nothing that finance reads may tell the
two apart, so what is compared is only what it cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import zip_longest
from pathlib import Path

from orchestration.console import say, table, working
from orchestration.progress import report
from tests.benchmarks.contenders import VoidBenchmarkError, refuse_missing
from tests.benchmarks.measure import Cost
from tests.benchmarks.outage import BACK_DAY, DAYS, FIRST_DAY, Outage, generate
from tests.benchmarks.report import megabytes
from tests.benchmarks.sandbox import Sandbox

MONTH, AS_OF = "2019-06", "2019-07-05"
AS_IT_HAPPENED, AT_ONCE = "as it happened", "all at once after three days"
# What finance may copy, in an order of its own, so that equal totals are equal files.
BUCKETS = "select tenant_id, device_id, metric, bucket_start_at, quantity, event_count from {} order by 1, 2, 3, 4"
TOTALS = {
    "hours": BUCKETS.format("finance.usage_hourly"),
    "days": BUCKETS.format("finance.usage_daily"),
    "invoices": "select * from finance.invoices order by invoice_id, invoice_version",
    "invoice lines": "select * from finance.invoice_lines order by invoice_id, invoice_version, line_number",
}


def measure(folder: Path, devices: int) -> dict[str, float]:
    """Generate, process both ways, close, compare and print; the figures.

    Raises VoidBenchmarkError when a message is missing or a total differs.
    """
    with working("benchmark"):
        outage = generate(folder / "fleet", devices)
        sandbox = Sandbox(folder / "home", outage)
        try:
            report("preparing")(0, 0)
            sandbox.prepare()
            # The first run of a platform also makes what Dagster keeps, and the first message of a device its number.
            sandbox.meterline("process")
            sandbox.keep_state()
            report("processing the days")(0, 0)
            days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
            costs = {AS_IT_HAPPENED: _deliver(sandbox, outage.folder / "days", days)}
            expected = _close(sandbox, folder / AS_IT_HAPPENED)
            report("processing the backlog")(0, 0)
            sandbox.restore_state()
            costs[AT_ONCE] = _deliver(sandbox, outage.folder / "backlog", [BACK_DAY])
            found = _close(sandbox, folder / AT_ONCE)
        finally:
            sandbox.stop()
        agreed = {name: compare(name, expected[name], found[name]) for name in TOTALS}
    return _show(outage, costs, agreed)


def _deliver(sandbox: Sandbox, landing: Path, days: Sequence[date]) -> Cost:
    """Process days of receipt, a run for each."""
    before = sandbox.balance()
    cost = Cost.of_all(
        [sandbox.meterline("process", "--from", str(day), "--to", str(day), landing=landing) for day in days]
    )
    refuse_missing(sandbox, before, sandbox.day.readings, sandbox.day.duplicates)
    return cost


def _close(sandbox: Sandbox, folder: Path) -> dict[str, Path]:
    """Close the month; the totals as files, by what they are of."""
    sandbox.meterline("close", "--period", MONTH, "--as-of", AS_OF)
    folder.mkdir()
    return {
        name: sandbox.export(f"copy ({query}) to stdout (format csv)", folder / f"{name}.csv")
        for name, query in TOTALS.items()
    }


def compare(name: str, expected: Path, found: Path) -> int:
    """How many lines two files have, all of them alike.

    Raises VoidBenchmarkError when one differs, or there is none.
    """
    count = 0
    with expected.open() as one, found.open() as other:
        for ordinary, late in zip_longest(one, other):
            if ordinary != late:
                raise VoidBenchmarkError(f"{name} differ: {AS_IT_HAPPENED} {ordinary!r}, {AT_ONCE} {late!r}")
            count += 1
    if not count:
        raise VoidBenchmarkError(f"no {name} to compare")
    return count


def _show(outage: Outage, costs: dict[str, Cost], agreed: dict[str, int]) -> dict[str, float]:
    say(
        f"{outage.device_count:,} devices: {outage.readings:,} readings of {DAYS} days and {outage.duplicates:,} "
        "duplicates, all of them accounted for both times. The same totals to the last digit: "
        f"{', '.join(f'{count:,} {name}' for name, count in agreed.items())}.\n"
    )
    table(
        "A fleet comes back",
        ["", "messages", "s", "messages/s", "client CPU us/message", "server CPU us/message", "MB client", "MB server"],
        [
            [
                name, f"{outage.messages:,}", f"{cost.wall:,.1f}", f"{outage.messages / cost.wall:,.0f}",
                f"{cost.cpu * 1e6 / outage.messages:,.1f}", f"{cost.server_cpu * 1e6 / outage.messages:,.1f}",
                megabytes(cost.peak_bytes), megabytes(cost.server_peak_bytes),
            ]
            for name, cost in costs.items()
        ],
    )  # fmt: skip
    say(f"The days took {DAYS} runs, the backlog one; start-up is in both.\n")
    at_once = costs[AT_ONCE]
    return {
        "reconnection_messages_per_s": outage.messages / at_once.wall,
        "reconnection_worker_peak_mb": at_once.peak_bytes / 1e6,
        "reconnection_database_peak_mb": at_once.server_peak_bytes / 1e6,
    }
