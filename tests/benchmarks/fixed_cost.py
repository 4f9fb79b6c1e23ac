"""`meterline bench --fixed-cost`: what a run costs however little it has to do, by command and by Dagster's daemon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from orchestration.console import say, table, working
from orchestration.progress import report
from tests.benchmarks.daemon import Daemon
from tests.benchmarks.day import DAY, Day, generate, generate_eve
from tests.benchmarks.measure import Cost, Spread
from tests.benchmarks.report import megabytes
from tests.benchmarks.sandbox import Sandbox

# A small fleet whose own day is never processed: its messages are the models for those that are.
EVENTS, DEVICES = 400, 10


def measure(folder: Path, repeat: int) -> dict[str, float]:
    """Prepare a platform, measure and print; the figures. Raises MeterlineError when a run fails."""
    day = generate(folder / "day", EVENTS, DEVICES)
    sandbox = Sandbox(folder / "home", day)
    costs: dict[str, list[Cost]] = {"nothing pending": [], "a day of one message": []}
    try:
        with working("benchmark"):
            report("preparing")(0, 0)
            sandbox.prepare()
            # The first runs of a platform also make what Dagster keeps.
            for ago in (2 * repeat + 3, 2 * repeat + 2):
                landing = generate_eve(folder / f"eve-{ago}", day, ago)
                sandbox.meterline("process", landing=landing)
            for done in range(repeat):
                report("measuring")(done, repeat)
                costs["nothing pending"].append(sandbox.meterline("process", landing=landing))
                landing = generate_eve(folder / f"eve-{done}", day, 2 * repeat + 1 - done)
                costs["a day of one message"].append(sandbox.meterline("process", landing=landing))
            costs["the same by the daemon"] = _by_daemon(sandbox, day, folder / "for-daemon", repeat)
    finally:
        sandbox.stop()
    return _show(costs)


def _by_daemon(sandbox: Sandbox, day: Day, landing: Path, repeat: int) -> list[Cost]:
    """Costs of such days; the first one, while the code server still imports, is none of them."""
    costs = []
    with Daemon(sandbox, landing) as daemon:
        for ago in range(repeat + 1, 0, -1):
            generate_eve(landing, day, ago)
            costs.append(daemon.process(DAY - timedelta(days=ago)))
    return costs[1:]


def _show(costs: dict[str, list[Cost]]) -> dict[str, float]:
    say("Commands are processes of their own, imports included; the daemon's share counts while its run lasts.\n")
    table(
        "Fixed costs",
        ["", "s", "client CPU s", "server CPU s", "CPU s", "MB client", "MB server"],
        [
            [
                name,
                Spread.of(cost.wall for cost in found).text(1),
                Spread.of(cost.cpu for cost in found).text(1),
                Spread.of(cost.server_cpu for cost in found).text(1),
                Spread.of(cost.all_cpu for cost in found).text(1),
                megabytes(max(cost.peak_bytes for cost in found)),
                megabytes(max(cost.server_peak_bytes for cost in found)),
            ]
            for name, found in costs.items()
        ],
    )
    names = ("nothing_pending_cpu_s", "one_row_day_cpu_s", "one_row_day_daemon_cpu_s")
    middles = (Spread.of(cost.all_cpu for cost in found).middle for found in costs.values())
    return dict(zip(names, middles, strict=True))
